//! State: what holds it, and what is held.

use super::{
    borrow,
    key::{self, Key},
    name,
    past::{self, Past},
    ttl,
};
use crate::{
    errors::Errors,
    read::{Holder, RawOptions, RawState, RawVariable, text},
};
use proc_macro2::Ident;
use skylark_abi::{call::Scope, schema::nearest};
use std::time::Duration;
use syn::{Attribute, Expr, GenericArgument, PathArguments, Type, Visibility};

/// A state variable.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    /// How it is declared.
    pub(crate) storage: Storage,
    /// The whole type: `Mutex<T>`.
    pub(crate) cell: Type,
    /// What it is called in the schema: `Mutex`.
    pub(crate) cell_name: String,
    /// What is stored: `T`.
    pub(crate) value: Type,
    pub(crate) init: Expr,
    /// Its name in the store.
    pub(crate) name: String,
    pub(crate) scope: Scope,
    /// What chooses the bundle.
    pub(crate) key: Option<Key>,
    /// The value while the store has none, if not the initializer's.
    pub(crate) default: Option<Expr>,
    pub(crate) past: Past,
    /// How long after a write it lasts.
    pub(crate) ttl: Option<Duration>,
}

/// Where a variable lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// A `static`.
    Static,
    /// A `thread_local!`; whether its initializer is `const { … }`.
    ThreadLocal { constant: bool },
    /// A `static` of a collection.
    Collection,
}

/// What is read and written entry by entry.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    /// `Map`, `List`, `Counter`.
    pub(crate) name: String,
    /// The type by its name alone; what a `Counter` holds.
    pub(crate) value: Type,
}

/// The collection that a type is, if it is written as one of Skylark's: by its name
/// alone, or with the crate's before it. Whether it is that one, rustc is asked.
pub(crate) fn collection_of(ty: &Type) -> Option<Collection> {
    let path = match ty {
        Type::Path(path) if path.qself.is_none() => &path.path,
        Type::Group(group) => return collection_of(&group.elem),
        Type::Paren(paren) => return collection_of(&paren.elem),
        _ => return None,
    };
    let (last, before) = path
        .segments
        .iter()
        .rev()
        .collect::<Vec<_>>()
        .split_first()
        .map(|(last, before)| (*last, before.to_vec()))?;
    let of_skylark = before.iter().all(|segment| segment.ident == "skylark");
    let name = last.ident.to_string();
    let parameters = match name.as_str() {
        "Map" => 2,
        "List" => 1,
        "Counter" => 0,
        _ => return None,
    };
    let given = match &last.arguments {
        PathArguments::AngleBracketed(args) => args.args.len(),
        _ => 0,
    };
    (of_skylark && before.len() <= 1 && given == parameters).then(|| Collection {
        value: match name.as_str() {
            "Counter" => syn::parse_quote!(i64),
            _ => syn::parse_quote!(#last),
        },
        name,
    })
}

/// What a collection cannot have.
pub(super) fn collection(ty: &Type, scope: Scope, options: &RawOptions, errors: &mut Errors) {
    let written = text(ty);
    if scope == Scope::Chain
        && let Some(value) = options.get("scope")
    {
        errors.on(
            value,
            format_args!(
                "`scope = chain` state moves with its run as one value, and a `{written}` is for what is too \
                 large for that; leave the scope out, or hold what belongs to one run in a `Mutex<…>`"
            ),
        );
    }
    past_of_collection(ty, options, errors);
    if let Some((ident, _)) = options.entry("default") {
        errors.on(
            ident,
            format_args!(
                "a `{written}` begins empty, as nothing of it is read until it is used; leave `default` out"
            ),
        );
    }
}

/// What its past cannot be; also of one in a field.
pub(super) fn past_of_collection(ty: &Type, options: &RawOptions, errors: &mut Errors) {
    let written = text(ty);
    if let Some((ident, _)) = options.entry("was") {
        errors.on(
            ident,
            format_args!(
                "a `{written}` has no earlier names: its entries are many, and stay where they are; keep its \
                 name in the store with `rename = \"…\"` instead of `was`"
            ),
        );
    }
    if let Some((ident, _)) = options.entry("migrate")
        && collection_of(ty).is_some_and(|collection| collection.name == "Counter")
    {
        errors.on(
            ident,
            "a `Counter` has no migrations: it holds a number, which is all that it ever held; leave \
             `migrate` out",
        );
    }
}

/// The atomics and what they hold.
const ATOMICS: &[(&str, &str)] = &[
    ("AtomicBool", "bool"),
    ("AtomicI8", "i8"),
    ("AtomicI16", "i16"),
    ("AtomicI32", "i32"),
    ("AtomicI64", "i64"),
    ("AtomicIsize", "isize"),
    ("AtomicU8", "u8"),
    ("AtomicU16", "u16"),
    ("AtomicU32", "u32"),
    ("AtomicU64", "u64"),
    ("AtomicUsize", "usize"),
];

pub(super) fn check(raw: RawState, errors: &mut Errors) -> Vec<Variable> {
    let RawState { options, variables } = raw;
    let scope = scope(&options, errors);
    if variables.len() > 1 {
        for option in ["default", "migrate", "rename", "was"] {
            if let Some((ident, _)) = options.entry(option) {
                errors.on(
                    ident,
                    format_args!(
                        "option `{option}` is for one variable, and this `thread_local!` holds {}; \
                         give the one you mean a `thread_local!` of its own",
                        variables.len()
                    ),
                );
            }
        }
    }
    variables
        .into_iter()
        .filter_map(|raw| variable(raw, &options, &scope, errors))
        .collect()
}

fn variable(
    raw: RawVariable,
    options: &RawOptions,
    (scope, key): &(Scope, Option<Key>),
    errors: &mut Errors,
) -> Option<Variable> {
    let name = name(
        &raw.ident,
        "rename",
        options.get("rename"),
        "state variable",
        errors,
    );
    let past = past::check(options, name.as_deref(), errors);
    let storage = storage(&raw, errors)?;
    let held = match storage {
        Storage::Static | Storage::Collection => shared(&raw, errors),
        Storage::ThreadLocal { .. } => local(&raw, errors),
    };
    let (value, cell_name) = held?;
    if storage == Storage::Collection {
        collection(&raw.ty, *scope, options, errors);
    }
    let ttl = ttl::check(options, *scope, &raw.ty, errors);
    let place = format!("state `{}`", raw.ident);
    if borrow::refuse(&value, &place, borrow::INCOMING, errors) {
        return None;
    }
    Some(Variable {
        attrs: raw.attrs,
        vis: raw.vis,
        ident: raw.ident,
        storage,
        cell: raw.ty,
        cell_name,
        value,
        init: raw.init,
        name: name?,
        scope: *scope,
        key: key.clone(),
        default: options.get("default").cloned(),
        past,
        ttl,
    })
}

pub(super) fn scope(options: &RawOptions, errors: &mut Errors) -> (Scope, Option<Key>) {
    const SCOPES: [(&str, Scope); 2] = [("app", Scope::App), ("chain", Scope::Chain)];
    let Some(value) = options.get("scope") else {
        return (Scope::default(), None);
    };
    let written = text(value);
    if let Some((_, scope)) = SCOPES.iter().find(|(name, _)| *name == written) {
        return (*scope, None);
    }
    let is_key = |path: &Expr| matches!(path, Expr::Path(path) if path.path.is_ident("key"));
    match value {
        Expr::Call(call) if is_key(&call.func) => {
            let arguments: Vec<&Expr> = call.args.iter().collect();
            return (Scope::Key, key::check(&arguments, &call.args, errors));
        }
        path if is_key(path) => errors.on(
            path,
            "`key` needs an argument, or an expression over arguments, whose value chooses the state: \
             `scope = key(station)`",
        ),
        value => {
            let bare = written.trim_matches('"');
            let meant = nearest(bare, SCOPES.map(|(name, _)| name))
                .map(|near| format!(" (did you mean `{near}`?)"))
                .unwrap_or_default();
            errors.on(
                value,
                format_args!(
                    "`{written}` is no scope{meant}; expected `app` (shared by all runs), `chain` \
                     (belongs to one run) or `key(argument)` (one per value of an argument, or of an \
                     expression over arguments)"
                ),
            );
        }
    }
    (Scope::default(), None)
}

fn storage(raw: &RawVariable, errors: &mut Errors) -> Option<Storage> {
    match &raw.holder {
        Holder::Static if collection_of(&raw.ty).is_some() => Some(Storage::Collection),
        Holder::Static => Some(Storage::Static),
        Holder::ThreadLocal { constant } => Some(Storage::ThreadLocal {
            constant: *constant,
        }),
        Holder::StaticMut(token) => {
            errors.on(
                token,
                format_args!(
                    "Skylark cannot see what is written to a `static mut`, nor can rustc check it; {}",
                    instead(raw)
                ),
            );
            None
        }
        Holder::Const(token) => {
            errors.on(
                token,
                format_args!(
                    "a `const` is copied wherever it is used and remembers nothing; {}",
                    instead(raw)
                ),
            );
            None
        }
    }
}

/// What to declare instead: the very line to write.
fn instead(raw: &RawVariable) -> String {
    let (ident, ty, init) = (&raw.ident, text(&raw.ty), text(&raw.init));
    // What is a cell already only loses its `mut` or `const`.
    if matches!(held(&raw.ty), Held::Value(..)) {
        return format!("write `static {ident}: {ty} = {init};`");
    }
    let mutex = format!("static {ident}: Mutex<{ty}> = Mutex::new({init});");
    match ATOMICS.iter().find(|(_, value)| *value == ty) {
        Some((atomic, _)) => {
            format!("write `static {ident}: {atomic} = {atomic}::new({init});`, or `{mutex}`")
        }
        None => format!("write `{mutex}`"),
    }
}

/// What the type of a variable is, by its last path segment.
enum Held<'a> {
    /// A cell that can be shared: `T`, and the cell's name.
    Value(Box<Type>, String),
    /// A cell for one thread: `T`, and the cell's name.
    Local(&'a Type, &'static str),
    /// A cell that cannot be stored, and why.
    Unfit(&'static str),
    /// A lazy one around what is no cell.
    Frozen(&'a Type),
    /// A cell around a collection, which needs none.
    Wrapped(&'a Type),
    /// A known cell without its type argument.
    Bare,
    /// No cell.
    Other,
}

fn held(ty: &Type) -> Held<'_> {
    if let Some(Collection { name, value }) = collection_of(ty) {
        return Held::Value(Box::new(value), name);
    }
    let Type::Path(path) = ty else {
        return match ty {
            Type::Group(group) => held(&group.elem),
            Type::Paren(paren) => held(&paren.elem),
            _ => Held::Other,
        };
    };
    let Some(last) = path.path.segments.last() else {
        return Held::Other;
    };
    let ident = last.ident.to_string();
    if let Some((_, value)) = ATOMICS.iter().find(|(atomic, _)| *atomic == ident) {
        let value = Ident::new(value, last.ident.span());
        return Held::Value(Box::new(syn::parse_quote!(#value)), ident);
    }
    let argument = match &last.arguments {
        PathArguments::AngleBracketed(args) => args.args.iter().find_map(|arg| match arg {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    };
    match (ident.as_str(), argument) {
        ("Mutex" | "RwLock" | "LazyLock", Some(inner)) if collection_of(inner).is_some() => {
            Held::Wrapped(inner)
        }
        ("Mutex" | "RwLock", Some(value)) => Held::Value(Box::new(value.clone()), ident),
        ("LazyLock", Some(inner)) => match held(inner) {
            Held::Value(value, cell) => Held::Value(value, format!("LazyLock<{cell}>")),
            Held::Other => Held::Frozen(inner),
            other => other,
        },
        ("Cell", Some(value)) => Held::Local(value, "Cell"),
        ("RefCell", Some(value)) => Held::Local(value, "RefCell"),
        ("Mutex" | "RwLock" | "LazyLock" | "Cell" | "RefCell", None) => Held::Bare,
        ("AtomicPtr", _) => {
            Held::Unfit("a pointer means nothing in another process; store what it points to")
        }
        ("OnceLock" | "OnceCell", _) => Held::Unfit(
            "it is written once and then never again; use `Mutex<Option<T>>` for a value that comes later",
        ),
        ("LazyCell" | "UnsafeCell", _) => {
            Held::Unfit("use `Mutex<T>`, or `RefCell<T>` in `thread_local!`")
        }
        _ => Held::Other,
    }
}

/// The cells that a static can be.
const SHARED: &str = "`Mutex<T>`, `RwLock<T>`, an atomic, `LazyLock` around one of them, or \
                      `skylark::Map<K, V>`, `List<T>` or `Counter`";

fn shared(raw: &RawVariable, errors: &mut Errors) -> Option<(Type, String)> {
    let written = text(&raw.ty);
    let why = match held(&raw.ty) {
        Held::Value(value, cell) => return Some((*value, cell)),
        Held::Local(value, cell) => format!(
            "`{cell}` is for one thread only; write `static {}: Mutex<{}> = …`, or put it in `thread_local!`",
            raw.ident,
            text(value)
        ),
        Held::Frozen(inner) => format!(
            "`{written}` is built once and never changes; write `LazyLock<Mutex<{}>>`",
            text(inner)
        ),
        Held::Unfit(why) => format!("`{written}` cannot be state: {why}"),
        Held::Wrapped(inner) => format!(
            "a `{}` needs no lock: it is read and written entry by entry; write `static {}: {}`",
            text(inner),
            raw.ident,
            text(inner)
        ),
        Held::Bare => format!("`{written}` needs its type argument: `{written}<T>`"),
        Held::Other => format!(
            "a `static` of type `{written}` never changes, so there is nothing to remember; state is {SHARED}; {}",
            instead(raw)
        ),
    };
    errors.on(&raw.ty, why);
    None
}

fn local(raw: &RawVariable, errors: &mut Errors) -> Option<(Type, String)> {
    let written = text(&raw.ty);
    let why = match held(&raw.ty) {
        Held::Local(value, cell) => return Some((value.clone(), cell.to_owned())),
        Held::Value(..) if collection_of(&raw.ty).is_some() => format!(
            "a `{written}` is shared by all; write `static {}: {written} = …` without `thread_local!`",
            raw.ident
        ),
        Held::Value(value, cell) => format!(
            "`{cell}` is made for sharing; write `static {}: {written} = …` without \
             `thread_local!`, or `RefCell<{}>` in it",
            raw.ident,
            text(value)
        ),
        Held::Unfit(why) => format!("`{written}` cannot be state: {why}"),
        Held::Bare => format!("`{written}` needs its type argument: `{written}<T>`"),
        Held::Wrapped(inner) => format!(
            "a `{}` is shared by all, and needs no lock; write `static {}: {}` without `thread_local!`",
            text(inner),
            raw.ident,
            text(inner)
        ),
        Held::Frozen(_) | Held::Other => format!(
            "a thread-local `{written}` never changes, so there is nothing to remember; write \
             `static {}: RefCell<{written}> = RefCell::new({})`",
            raw.ident,
            text(&raw.init)
        ),
    };
    errors.on(&raw.ty, why);
    None
}
