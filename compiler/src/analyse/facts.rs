//! What is found in a body.

use super::{ItemId, ModuleId, Res, Site, Ty};
use std::collections::BTreeSet;
use syn::{Block, Expr, ExprMethodCall, Macro};

/// The number of a body in [`super::Index::bodies`].
pub(crate) type BodyId = usize;

/// What runs: the block of a function, or the initializer of a static.
#[derive(Debug)]
pub(crate) struct Body<'m> {
    /// Whose it is.
    pub(crate) item: ItemId,
    /// The module in which its paths are resolved.
    pub(crate) module: ModuleId,
    /// The block; nothing of an initializer.
    pub(crate) block: Option<&'m Block>,
    /// What happens in it, in the order of the source.
    pub(crate) facts: Vec<Fact<'m>>,
    /// The types of the crate that it names, in its signature, too.
    pub(crate) types: BTreeSet<ItemId>,
}

/// Something in a body.
#[derive(Debug)]
pub(crate) struct Fact<'m> {
    /// The token that a message about it points at: the name that is called.
    pub(crate) site: Site,
    /// The whole expression.
    pub(crate) expr: Option<&'m Expr>,
    pub(crate) context: Context,
    pub(crate) what: What<'m>,
}

/// What is around a fact, in its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// How many loops.
    pub(crate) loops: u16,
    /// How many branches that need not be taken.
    pub(crate) branches: u16,
    /// How many closures.
    pub(crate) closures: u16,
    /// How many `async` blocks.
    pub(crate) asyncs: u16,
}

impl Context {
    /// Whether what is there happens whenever its body runs, unless that returns before.
    pub(crate) fn is_always(&self) -> bool {
        self.branches == 0 && self.loops == 0
    }
}

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As any function.
    Here,
    /// By a message: `call!`, a client.
    Remote,
}

/// What a fact says.
#[derive(Debug)]
pub(crate) enum What<'m> {
    /// `f(x)`, `Type::f(x)`
    Call {
        target: Res,
        args: Vec<Val>,
        exprs: Vec<&'m Expr>,
        mode: Mode,
        yields: Ty,
    },
    /// `x.f(y)`
    Method {
        name: String,
        on: Val,
        /// Methods of the crate that it may be.
        targets: Vec<ItemId>,
        /// Whether the receiver's type tells them.
        certain: bool,
        args: Vec<Val>,
        call: &'m ExprMethodCall,
        mode: Mode,
    },
    /// A static, a constant, a function that is not called here, a unit struct.
    Path { target: Res },
    /// A macro, and whether its inside was seen.
    Macro {
        target: Res,
        mac: &'m Macro,
        seen: bool,
    },
    /// `x.field` of a struct of the crate.
    Field { on: Val, name: String },
    /// `Type { … }`
    Literal { target: Res },
    /// `for _ in x`
    For { over: Val },
    /// `x.await`
    Await { on: Val },
    /// `place = x`, `place += x`
    Assign { to: Val },
    /// `&mut place`
    BorrowMut { of: Val },
    /// A value of a place goes where it is not followed: into a call, a struct, out of the body.
    Escape { of: Val },
    /// A closure is given an object, as `skylark::with` does: all of its fields are there.
    Lent { object: ItemId },
    /// Something that cannot be seen into.
    Unseen { why: Unseen },
}

/// Why something cannot be seen into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// A macro that does not take expressions, by its path.
    Macro(String),
    /// A method of a trait object.
    Dyn(String),
    /// A function that is stored in a value.
    Pointer,
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Macro(name) => write!(f, "what the macro `{name}!` makes of its input"),
            Self::Dyn(name) => write!(f, "which `{name}` a trait object of another crate runs"),
            Self::Pointer => f.write_str("which function is stored in a value"),
        }
    }
}

/// A value, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Val {
    pub(crate) ty: Ty,
    pub(crate) from: Option<Place>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) root: Root,
    /// What was done on the way, the first first.
    pub(crate) steps: Vec<Step>,
}

/// Where a value comes from, at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// A static of the crate.
    Static(ItemId),
    /// A parameter of the body's function, by name.
    Param(String),
    /// `self`, or any value of a struct whose fields are state.
    Object(ItemId),
    /// A closure's own parameter.
    Lent(String),
}

/// A step from a place to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    Call(String),
    /// `x[i]`
    Index,
    /// A part of it, in a pattern or in a closure that gets it.
    Part,
    /// `*x`
    Deref,
    /// `&x`
    Ref,
    /// `&mut x`
    RefMut,
}

impl Val {
    /// Of this type and from nowhere in particular.
    pub(crate) fn of(ty: Ty) -> Self {
        Self { ty, from: None }
    }

    /// The same place, one step on, with another type.
    pub(super) fn step(&self, step: Step, ty: Ty) -> Self {
        let from = self.from.as_ref().map(|place| {
            let mut place = place.clone();
            // What is longer says nothing more.
            if place.steps.len() < MAX_STEPS {
                place.steps.push(step);
            }
            place
        });
        Self { ty, from }
    }
}

/// Most steps that a place remembers.
const MAX_STEPS: usize = 16;
