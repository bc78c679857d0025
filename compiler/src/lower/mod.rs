//! Checked item → plan: every text and every decision that the emitters need,
//! made once.

use crate::{
    check::{Arg, External, Flow, Function, Item, Nondet, Storage, Variable, Yields},
    read::{Handler, cfgs, doc_line, plain, text},
};
use proc_macro2::Ident;
use skylark_abi::{
    call::Scope,
    names,
    schema::{self, Record},
};
use syn::{Attribute, Expr, Path, Type, Visibility};

/// What is to be emitted for an item.
#[derive(Debug)]
pub(crate) enum Plan {
    /// For a handler.
    Function(Box<FunctionPlan>),
    /// For state.
    State(Vec<StatePlan>),
    /// For a server outside.
    External(Box<External>),
    /// For a function whose value is recorded.
    Nondet(Box<Nondet>),
}

/// The frame in the schema section: JSON around `module_path!()`, which only
/// rustc knows.
#[derive(Debug)]
pub(crate) struct RecordText {
    pub(crate) before: String,
    pub(crate) after: String,
}

/// A handler's plan.
#[derive(Debug)]
pub(crate) struct FunctionPlan {
    pub(crate) item: Handler,
    pub(crate) cfgs: Vec<Attribute>,
    /// What the schema says of it.
    pub(crate) schema: schema::Function,
    pub(crate) record: RecordText,
    /// The wasm export.
    pub(crate) export: String,
    pub(crate) args: Vec<Arg>,
    pub(crate) yields: Yields,
    pub(crate) flow: Flow,
    pub(crate) next: Vec<(Path, Gets)>,
    pub(crate) join: Option<Path>,
    pub(crate) on_error: Option<Path>,
}

/// What a successor gets, and how rustc is asked whether it takes that.
#[derive(Debug, Clone)]
pub(crate) struct Gets {
    pub(crate) ty: Type,
    pub(crate) takes: Takes,
}

/// How rustc is asked whether a successor takes what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One value, as one argument: a function pointer says so, with rustc's own
    /// words on a mismatch.
    Value,
    /// A tuple, as one argument or spread over several; nothing, as `()` or as
    /// no argument.
    Spread,
    /// Each element of what the type iterates over.
    Element,
}

/// A variable's plan.
#[derive(Debug)]
pub(crate) struct StatePlan {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) storage: Storage,
    pub(crate) cell: Type,
    pub(crate) value: Type,
    pub(crate) init: Expr,
    pub(crate) default: Option<Expr>,
    /// What the schema says of it.
    pub(crate) schema: schema::State,
    pub(crate) record: RecordText,
}

/// Lowers a checked item.
pub(crate) fn lower(item: Item) -> Plan {
    match item {
        Item::Function(item) => Plan::Function(Box::new(function(*item))),
        Item::External(item) => Plan::External(item),
        Item::Nondet(item) => Plan::Nondet(item),
        Item::State(variables) => Plan::State(variables.into_iter().map(variable).collect()),
    }
}

fn function(checked: Function) -> FunctionPlan {
    let Function {
        item,
        name,
        args,
        yields,
        next,
        flow,
        join,
        on_error,
        options,
    } = checked;
    let gets = |index: usize| {
        let ty = match &flow {
            Flow::Choice(inputs) => inputs.get(index).unwrap_or(yields.value()),
            _ => yields.value(),
        };
        let takes = match ty {
            _ if flow == Flow::Each => Takes::Element,
            Type::Tuple(tuple) if tuple.elems.len() != 1 => Takes::Spread,
            _ => Takes::Value,
        };
        let ty = ty.clone();
        Gets { ty, takes }
    };
    let schema = schema::Function {
        ident: plain(&item.sig.ident),
        doc: doc_line(&item.attrs),
        args: args
            .iter()
            .map(|arg| schema::Arg {
                name: plain(&arg.ident),
                ty: text(&arg.ty),
            })
            .collect(),
        output: text(yields.value()),
        fallible: matches!(yields, Yields::Result(..)),
        is_async: item.sig.asyncness.is_some(),
        next: next.iter().map(text).collect(),
        each: flow == Flow::Each,
        choice: matches!(flow, Flow::Choice(_)),
        join: join.as_ref().map(text),
        on_error: on_error.as_ref().map(text),
        options,
        name,
    };
    FunctionPlan {
        cfgs: cfgs(&item.attrs),
        export: names::function_export(&schema.name),
        record: record(schema::Item::Function(schema.clone())),
        next: next
            .into_iter()
            .enumerate()
            .map(|(index, path)| (path, gets(index)))
            .collect(),
        flow,
        join,
        on_error,
        schema,
        item,
        args,
        yields,
    }
}

fn variable(checked: Variable) -> StatePlan {
    let schema = schema::State {
        name: checked.name,
        ident: plain(&checked.ident),
        scope: checked.scope,
        ty: text(&checked.value),
        cell: checked.cell_name,
        key: checked.key,
    };
    StatePlan {
        cfgs: cfgs(&checked.attrs),
        record: record(schema::Item::State(schema.clone())),
        schema,
        attrs: checked.attrs,
        vis: checked.vis,
        ident: checked.ident,
        storage: checked.storage,
        cell: checked.cell,
        value: checked.value,
        init: checked.init,
        default: checked.default,
    }
}

/// Stands for the module while the record is written; no source text comes
/// before it.
const MODULE: &str = "@module@";

fn record(item: schema::Item) -> RecordText {
    let record = Record {
        abi: names::ABI_VERSION,
        module: MODULE.into(),
        item,
    };
    // Strings and numbers under string keys: nothing that JSON could refuse.
    let json = serde_json::to_string(&record).unwrap_or_default();
    let (before, after) = json.split_once(MODULE).unwrap_or_default();
    RecordText {
        before: before.into(),
        after: after.into(),
    }
}

/// The variant of `abi::call::Scope` by name.
pub(crate) fn scope_variant(scope: Scope) -> &'static str {
    match scope {
        Scope::App => "App",
        Scope::Chain => "Chain",
        Scope::Key => "Key",
    }
}
