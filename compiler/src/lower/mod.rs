//! Checked item → plan: every text and every decision that the emitters need,
//! made once.

use crate::{
    check::{
        Arg, External, Flow, Function, Init, Item, Key, Nondet, Object, Service, Storage, Variable,
        Yields, collection_of,
    },
    read::{Handler, Method, cfgs, doc_line, plain, text},
};
use proc_macro2::{Ident, TokenStream};
use skylark_abi::{
    call::Scope,
    names,
    schema::{self, Record},
};
use syn::{Attribute, Expr, ItemStruct, Member, Path, Type, Visibility};

/// What is to be emitted for an item.
#[derive(Debug)]
pub(crate) enum Plan {
    /// For a handler.
    Function(Box<FunctionPlan>),
    /// For state.
    State(Vec<StatePlan>),
    /// For a struct whose fields are state.
    Object(Box<ObjectPlan>),
    /// For an impl whose methods are functions.
    Service(Box<ServicePlan>),
    /// For a server outside.
    External(Box<External>),
    /// For a function whose value is recorded.
    Nondet(Box<Nondet>),
    /// For a static that is built.
    Init(Box<Init>),
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
    pub(crate) method: Option<Method>,
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
    /// What chooses the bundle.
    pub(crate) key: Option<Key>,
    /// From what an earlier build wrote to what the next does.
    pub(crate) migrate: Vec<Path>,
    /// What the schema says of it.
    pub(crate) schema: schema::State,
    pub(crate) record: RecordText,
}

/// The plan of a struct whose fields are state.
#[derive(Debug)]
pub(crate) struct ObjectPlan {
    pub(crate) item: ItemStruct,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) key: Option<String>,
    pub(crate) default: Option<Expr>,
    pub(crate) fields: Vec<FieldPlan>,
    /// The names of those that are built, not stored.
    pub(crate) built: Vec<String>,
}

/// A field's plan.
#[derive(Debug)]
pub(crate) struct FieldPlan {
    pub(crate) member: Member,
    pub(crate) ident: String,
    pub(crate) ty: Type,
    /// Whether it is a collection.
    pub(crate) is_collection: bool,
    pub(crate) cfgs: Vec<Attribute>,
    /// What chooses the bundle.
    pub(crate) key: Option<Key>,
    /// From what an earlier build wrote to what the next does.
    pub(crate) migrate: Vec<Path>,
    /// What the schema says of it.
    pub(crate) schema: schema::State,
    pub(crate) record: RecordText,
}

/// A service's plan.
#[derive(Debug)]
pub(crate) struct ServicePlan {
    pub(crate) item: TokenStream,
    pub(crate) ty: Path,
    pub(crate) of_trait: bool,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) client: Ident,
    /// What chooses the object, as text; and the type of the argument, if it is one.
    pub(crate) key: Option<(String, Option<Type>)>,
    pub(crate) functions: Vec<FunctionPlan>,
}

/// Lowers a checked item.
pub(crate) fn lower(item: Item) -> Plan {
    match item {
        Item::Function(item) => Plan::Function(Box::new(function(*item))),
        Item::External(item) => Plan::External(item),
        Item::Nondet(item) => Plan::Nondet(item),
        Item::Init(item) => Plan::Init(item),
        Item::Object(object) => Plan::Object(Box::new(self::object(*object))),
        Item::Service(service) => Plan::Service(Box::new(self::service(*service))),
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
        method,
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
        ident: match &method {
            Some(method) => method.ident.clone(),
            None => plain(&item.sig.ident),
        },
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
    let of_impl = method.iter().flat_map(|method| method.cfgs.clone());
    FunctionPlan {
        cfgs: of_impl.chain(cfgs(&item.attrs)).collect(),
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
        method,
    }
}

fn service(checked: Service) -> ServicePlan {
    let Service {
        item,
        ty,
        of_trait,
        cfgs,
        client,
        key,
        functions,
    } = checked;
    ServicePlan {
        item,
        ty,
        of_trait,
        cfgs,
        client,
        key: key.map(|(key, ty)| (key.text(), ty)),
        functions: functions.into_iter().map(function).collect(),
    }
}

fn object(checked: Object) -> ObjectPlan {
    let Object {
        item,
        fields,
        built,
        scope,
        key,
        default,
    } = checked;
    let name = plain(&item.ident);
    let fields = fields.into_iter().map(|field| {
        let collection = collection_of(&field.ty);
        let schema = schema::State {
            name: field.name,
            ident: format!("{name}::{}", field.ident),
            scope,
            ty: text(collection.as_ref().map_or(&field.ty, |c| &c.value)),
            cell: collection.as_ref().map_or("struct", |c| &c.name).to_owned(),
            key: key.as_ref().map(|key| key.text()),
            was: field.past.was,
            migrate: field.past.migrate.iter().map(text).collect(),
            ttl: field.ttl,
        };
        FieldPlan {
            member: field.member,
            ident: field.ident,
            ty: field.ty,
            is_collection: collection.is_some(),
            cfgs: field.cfgs,
            key: key.clone(),
            migrate: field.past.migrate,
            record: record(schema::Item::State(schema.clone())),
            schema,
        }
    });
    ObjectPlan {
        fields: fields.collect(),
        built,
        cfgs: cfgs(&item.attrs),
        item,
        name,
        scope,
        key: key.map(|key| key.text()),
        default,
    }
}

fn variable(checked: Variable) -> StatePlan {
    let schema = schema::State {
        name: checked.name,
        ident: plain(&checked.ident),
        scope: checked.scope,
        ty: text(&checked.value),
        cell: checked.cell_name,
        key: checked.key.as_ref().map(Key::text),
        was: checked.past.was,
        migrate: checked.past.migrate.iter().map(text).collect(),
        ttl: checked.ttl,
    };
    StatePlan {
        key: checked.key,
        migrate: checked.past.migrate,
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
