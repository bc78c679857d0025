//! What a handler does to the world outside its instance: the state it touches, what
//! it starts, what it waits for, what it is told by chance.

use super::{
    BodyId, Context, Fact, Handler, Index, ItemId, Mode, Reach, Res, Root, Site, Unseen, Val, What,
    states::{self, States},
};
use crate::{read::Annotation, read::krate::FunctionItem};
use std::collections::{BTreeMap, BTreeSet};
use syn::Expr;

/// How many calls of helpers an argument is followed through: helpers may call each other in
/// circles.
const MAX_CALLS: usize = 64;

/// One thing that a handler may do.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    /// The body that does it.
    pub(crate) body: BodyId,
    pub(crate) site: Site,
    pub(crate) context: Context,
    pub(crate) kind: EffectKind,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EffectKind {
    /// A state variable, by its number in [`crate::Model::states`].
    Touch(Touch),
    /// The clock: told, and seen again by re-execution.
    Clock(String),
    /// Randomness: told, and seen again by re-execution.
    Random(String),
    /// A value that is recorded.
    Recorded(String),
    /// A call of a function by a message, by what it is called.
    Call(String),
    /// The same, for which nobody waits.
    Sent(String),
    /// A request to a server outside.
    Request(String),
    /// A pause, a promise.
    Pause(String),
    /// The function is suspended until what it waits for is there.
    Wait,
    /// What cannot be seen.
    Unseen(Unseen),
}

/// A use of a state variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Its number in [`crate::Model::states`].
    pub(crate) state: usize,
    pub(crate) access: Access,
    /// What is done with it: `lock`, `insert`, `+=`.
    pub(crate) by: String,
    /// The path of the argument that chooses the entry of a collection: `order.from`.
    pub(crate) key: Option<String>,
    /// Whether it is that one whichever way callers of its helper go.
    pub(crate) told: bool,
}

impl Touch {
    /// What is done with what is handed to code that is not looked into.
    pub(super) const GIVEN: &str = "given away";
    /// What is done with fields when all of `self` is used, in whatever way.
    const LENT: &str = "self";
    /// What is done with fields that are there for a closure, used or not.
    const WITH: &str = "with";

    /// Whether no more is done than to have it there.
    pub(crate) fn is_idle(&self) -> bool {
        self.by == Self::WITH
    }

    /// Whether it is seen what is done, and not only assumed.
    pub(crate) fn is_seen(&self) -> bool {
        self.access <= Access::Read || ![Self::GIVEN, Self::LENT].contains(&self.by.as_str())
    }
}

/// How a variable is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// It is needed: its name stands there.
    Named,
    /// It is looked at.
    Read,
    /// It is changed to what does not depend on what it was.
    Overwrite,
    /// It may be changed.
    Write,
}

/// Everything that a handler may do.
#[derive(Debug)]
pub(crate) struct Effects<'m> {
    pub(crate) handler: Handler<'m>,
    pub(crate) reach: Reach,
    /// In the order of bodies and of what is in them.
    pub(crate) all: Vec<Effect>,
    /// The bodies that are reached whatever the types that are not known.
    pub(crate) sure: BTreeSet<BodyId>,
    /// The bodies that it runs whichever way it goes.
    pub(crate) always: BTreeSet<BodyId>,
}

impl Effects<'_> {
    /// Whether this happens whichever way the function goes, unless it returns before.
    pub(crate) fn happens(&self, effect: &Effect) -> bool {
        effect.context.is_always() && self.always.contains(&effect.body)
    }

    /// The variables that are touched, by number.
    pub(crate) fn touched(&self) -> BTreeSet<usize> {
        self.touches().map(|touch| touch.state).collect()
    }

    /// Those that may be written.
    pub(crate) fn written(&self) -> BTreeSet<usize> {
        let written = self.touches().filter(|touch| touch.access > Access::Read);
        written.map(|touch| touch.state).collect()
    }

    pub(crate) fn touches(&self) -> impl Iterator<Item = &Touch> {
        self.bodies_touches().map(|(_, touch)| touch)
    }

    /// As [`Effects::touches`], each with whether its body is reached whatever the types
    /// that are not known.
    pub(crate) fn sure_touches(&self) -> impl Iterator<Item = (&Touch, bool)> {
        self.bodies_touches()
            .map(|(body, touch)| (touch, self.sure.contains(&body)))
    }

    fn bodies_touches(&self) -> impl Iterator<Item = (BodyId, &Touch)> {
        self.all.iter().filter_map(|effect| match &effect.kind {
            EffectKind::Touch(touch) => Some((effect.body, touch)),
            _ => None,
        })
    }

    /// Whether everything that it may do was seen.
    pub(crate) fn is_complete(&self) -> bool {
        let unseen = |effect: &Effect| matches!(effect.kind, EffectKind::Unseen(_));
        !self.all.iter().any(unseen)
    }
}

impl<'m> Index<'m> {
    /// What every annotated function may do, in the order of [`crate::Model::functions`].
    pub(crate) fn effects(&self) -> Vec<Effects<'m>> {
        let states = States::new(self);
        let handlers = self.handlers().into_iter();
        handlers
            .map(|handler| self.effects_of(handler, &states))
            .collect()
    }

    /// What one may do.
    pub(crate) fn effects_of(&self, handler: Handler<'m>, states: &States) -> Effects<'m> {
        let reach = self.reach(handler.body);
        let mut all = Vec::new();
        // The handler's own first, then what it runs, nearest first.
        for body in reach.in_order() {
            for fact in &self.bodies[body].facts {
                let kind = self.effect(body, fact, states, &reach);
                for kind in kind {
                    // `call!(f()).send()`: nobody waits for it.
                    if kind == EffectKind::Sent(String::new()) {
                        sent(&mut all, body);
                        continue;
                    }
                    all.push(Effect {
                        body,
                        site: fact.site,
                        context: fact.context,
                        kind,
                    });
                }
            }
        }
        self.lent(&handler, states, &mut all);
        Effects {
            handler,
            reach,
            all,
            sure: self.surely(handler.body),
            always: self.always(handler.body),
        }
    }

    /// The fields that the runtime puts into the struct before a method runs: what the
    /// macro has read off its tokens, or all of them.
    fn lent(&self, handler: &Handler<'m>, states: &States, all: &mut Vec<Effect>) {
        let Some(receiver) = &handler.function.receiver else {
            return;
        };
        let body = &self.bodies[handler.body];
        let Some(object) = self.scope_of(body.item).own.item() else {
            return;
        };
        let known: BTreeSet<usize> = all
            .iter()
            .filter_map(|effect| match &effect.kind {
                EffectKind::Touch(touch) => Some(touch.state),
                _ => None,
            })
            .collect();
        for (field, state) in states.fields(object) {
            let needed = receiver
                .fields
                .as_ref()
                .is_none_or(|fields| fields.contains(field));
            if needed && !known.contains(&state) {
                all.push(Effect {
                    body: handler.body,
                    site: self.items[body.item].site,
                    context: Context::default(),
                    kind: EffectKind::Touch(Touch {
                        state,
                        access: if receiver.mutable && receiver.fields.is_none() {
                            Access::Write
                        } else {
                            Access::Named
                        },
                        by: Touch::LENT.to_owned(),
                        key: None,
                        told: true,
                    }),
                });
            }
        }
        // `&self` writes nothing, whatever it looks like.
        if !receiver.mutable {
            let own: BTreeSet<usize> = states.fields(object).map(|(_, state)| state).collect();
            for effect in all {
                if let EffectKind::Touch(touch) = &mut effect.kind
                    && own.contains(&touch.state)
                {
                    touch.access = touch.access.min(Access::Read);
                }
            }
        }
    }

    fn effect(
        &self,
        body: BodyId,
        fact: &Fact<'m>,
        states: &States,
        reach: &Reach,
    ) -> Vec<EffectKind> {
        let one = |kind: EffectKind| vec![kind];
        match &fact.what {
            What::Unseen { why } => one(EffectKind::Unseen(why.clone())),
            What::Await { .. } if self.waits(body, fact) => one(EffectKind::Wait),
            What::Call {
                target,
                mode: Mode::Remote,
                ..
            } => one(EffectKind::Call(self.called(target))),
            What::Method {
                targets,
                mode: Mode::Remote,
                ..
            } => {
                let name = targets
                    .first()
                    .map(|target| self.called(&Res::Item(*target)));
                one(EffectKind::Call(name.unwrap_or_default()))
            }
            What::Method { name, on, .. }
                if name == "send" && on.ty.path() == Some("skylark::Call") =>
            {
                one(EffectKind::Sent(String::new()))
            }
            What::Call {
                target: Res::Item(item),
                ..
            } => match self.items[*item].annotation {
                Some((Annotation::Nondet, _)) => {
                    one(EffectKind::Recorded(self.items[*item].name.clone()))
                }
                Some((Annotation::External, _)) => {
                    one(EffectKind::Request(self.items[*item].name.clone()))
                }
                _ => Vec::new(),
            },
            What::Call {
                target: Res::Foreign(path),
                ..
            } => of_foreign(path).into_iter().collect(),
            What::Lent { object } => {
                let idle = |(_, state)| {
                    EffectKind::Touch(Touch {
                        state,
                        access: Access::Named,
                        by: Touch::WITH.to_owned(),
                        key: None,
                        told: true,
                    })
                };
                states.fields(*object).map(idle).collect()
            }
            _ => {
                let mut kinds = Vec::new();
                for (touch, key) in states::touches(self, fact, states) {
                    let keys = match &key {
                        Some(val) => self.arguments(reach, body, val, &mut { MAX_CALLS }),
                        None => [(None, true)].into(),
                    };
                    kinds.extend(keys.into_iter().map(|(key, told)| {
                        EffectKind::Touch(Touch {
                            key,
                            told,
                            ..touch.clone()
                        })
                    }));
                }
                kinds
            }
        }
    }

    /// What a function is called by those who call it.
    fn called(&self, target: &Res) -> String {
        let name = target.item().and_then(|item| {
            let site = self.items[item].site;
            let start = self.locate(site).start;
            let mut functions = self.model.functions.iter();
            let is_it =
                |f: &&FunctionItem| f.place.file == site.file && f.place.ident.start == start;
            Some(functions.find(is_it)?.schema.name.clone())
        });
        name.unwrap_or_else(|| self.path_of(target))
    }

    /// Whether an `.await` waits for something outside, and not only for an `async fn` of
    /// the crate, whose own waits are seen there.
    fn waits(&self, body: BodyId, fact: &Fact<'m>) -> bool {
        let Some(Expr::Await(awaited)) = fact.expr else {
            return true;
        };
        let base = &*awaited.base;
        !self.bodies[body].facts.iter().any(|other| {
            other.expr.is_some_and(|expr| std::ptr::eq(expr, base))
                && match &other.what {
                    What::Call { target, mode, .. } => {
                        *mode == Mode::Here && target.item().is_some_and(|i| self.is_plain(i))
                    }
                    What::Method { targets, mode, .. } => {
                        *mode == Mode::Here && targets.iter().any(|i| self.is_plain(*i))
                    }
                    _ => false,
                }
        })
    }

    /// Whether calling it is no more than running its body.
    fn is_plain(&self, item: ItemId) -> bool {
        !matches!(
            self.items[item].annotation,
            Some((Annotation::External | Annotation::Nondet, _))
        )
    }

    /// The paths of the handler's arguments that a value may be, `order.from`: one for each
    /// call of the helper that it is in, and whether that happens whichever way the caller
    /// goes. `None` is what no argument tells.
    fn arguments(
        &self,
        reach: &Reach,
        body: BodyId,
        val: &Val,
        left: &mut usize,
    ) -> BTreeMap<Option<String>, bool> {
        let unknown = BTreeMap::from([(None, true)]);
        let Some(place) = &val.from else {
            return unknown;
        };
        let (Root::Param(name), Some(fields)) = (&place.root, states::value_path(&place.steps))
        else {
            return unknown;
        };
        let Some(at) = self.parameter_number(self.bodies[body].item, name) else {
            return unknown;
        };
        let inner = |outer: String| {
            let all = std::iter::once(outer).chain(fields.iter().cloned());
            all.collect::<Vec<_>>().join(".")
        };
        if body == reach.from() {
            return [(Some(inner(name.clone())), true)].into();
        }
        // The parameter of a helper is what its callers gave.
        let callers = reach.callers(body);
        if callers.is_empty() {
            return unknown;
        }
        let mut found = BTreeMap::new();
        for (caller, number) in callers {
            if *left == 0 {
                found.insert(None, true);
                break;
            }
            *left -= 1;
            // Handed on to itself as it is, it is no other.
            if *caller == body && Self::hands_on(&self.bodies[body].facts[*number], at, name) {
                continue;
            }
            let fact = &self.bodies[*caller].facts[*number];
            let given = given(fact, at);
            let outer = match given {
                Some(given) => self.arguments(reach, *caller, given, left),
                None => unknown.clone(),
            };
            let always = fact.context.is_always();
            for (path, whole) in outer {
                *found.entry(path.map(inner)).or_default() |= whole && always;
            }
        }
        found
    }

    /// Whether a call gives parameter `at` of a function what the parameter `name` holds.
    fn hands_on(call: &Fact<'_>, at: usize, name: &str) -> bool {
        given(call, at)
            .and_then(|given| given.from.as_ref())
            .is_some_and(|place| {
                let whole = states::value_path(&place.steps).is_some_and(|path| path.is_empty());
                whole && matches!(&place.root, Root::Param(own) if own == name)
            })
    }

    fn parameter_number(&self, item: ItemId, name: &str) -> Option<usize> {
        let super::Kind::Fn(function) = &self.items[item].kind else {
            return None;
        };
        function.sig.inputs.iter().position(|input| match input {
            syn::FnArg::Typed(argument) => matches!(&*argument.pat,
                // What is changed is no argument any more.
                syn::Pat::Ident(pat) if pat.ident == name && pat.mutability.is_none()),
            syn::FnArg::Receiver(_) => name == "self",
        })
    }
}

/// What a call gives a parameter.
fn given<'a>(call: &'a Fact<'_>, at: usize) -> Option<&'a Val> {
    match &call.what {
        What::Call { args, .. } => args.get(at),
        What::Method { args, .. } => args.get(at.checked_sub(1)?),
        _ => None,
    }
}

/// The last call of a body was sent off.
fn sent(all: &mut [Effect], body: BodyId) {
    let last = all.iter_mut().rev().find(|effect| effect.body == body);
    if let Some(effect) = last
        && let EffectKind::Call(name) = &effect.kind
    {
        effect.kind = EffectKind::Sent(name.clone());
    }
}

/// What functions of other crates do, that are known.
fn of_foreign(path: &str) -> Option<EffectKind> {
    Some(match path {
        "std::time::SystemTime::now" | "std::time::Instant::now" => {
            EffectKind::Clock(path.to_owned())
        }
        "skylark::nondet" => EffectKind::Recorded("nondet".to_owned()),
        "skylark::sleep" => EffectKind::Pause("sleep".to_owned()),
        "skylark::promise" => EffectKind::Pause("promise".to_owned()),
        _ if path.starts_with("skylark::http::") => EffectKind::Request(path.to_owned()),
        _ if path.starts_with("chrono::") && path.ends_with("::now") => {
            EffectKind::Clock(path.to_owned())
        }
        _ if path.starts_with("rand::")
            || path.starts_with("getrandom::")
            || path.starts_with("fastrand::")
            || path.starts_with("uuid::Uuid::new_v4")
            || path.starts_with("uuid::Uuid::now_v7")
            || path == "std::collections::hash_map::RandomState::new" =>
        {
            EffectKind::Random(path.to_owned())
        }
        _ => return None,
    })
}
