//! What a call yields, as far as signatures and the knowledge of std tell.

use super::{Res, exprs::result, facts::Val, items::Kind, types::Ty, walk::Walker};
use syn::{ExprPath, PathArguments};

impl Walker<'_, '_> {
    /// What a function yields.
    pub(super) fn yields_of(&self, target: &Res, args: &[Val], path: &ExprPath) -> Ty {
        let first = || args.first().map(|arg| arg.ty.clone()).unwrap_or_default();
        match target {
            Res::Item(item) => match &self.index.items[*item].kind {
                Kind::Fn(_) => self.index.yields(*item),
                _ => Ty::Named(target.clone(), Vec::new()),
            },
            Res::Member(item, name) => {
                let own = Ty::Named(Res::Item(*item), Vec::new());
                match name.as_str() {
                    "try_from" | "from_str" => result(own),
                    _ => own,
                }
            }
            Res::Foreign(path_of) => {
                let (of, name) = path_of.rsplit_once("::").unwrap_or(("", path_of));
                match path_of.as_str() {
                    "std::option::Option::Some" => {
                        return Ty::Named(
                            Res::Foreign("std::option::Option".into()),
                            vec![first()],
                        );
                    }
                    "std::result::Result::Ok" => return result(first()),
                    "std::mem::take" | "std::mem::replace" | "std::convert::identity" => {
                        return match first() {
                            Ty::Ref(inner) => *inner,
                            other => other,
                        };
                    }
                    _ => {}
                }
                let is_type = of.rsplit("::").next().is_some_and(starts_upper)
                    || of.chars().all(|c| c.is_ascii_alphanumeric()) && is_primitive(of);
                if !is_type || !is_constructor(name) {
                    return Ty::Unknown;
                }
                let given = path.path.segments.iter().rev().nth(1).map(|s| &s.arguments);
                let mut arguments: Vec<Ty> = match given {
                    Some(PathArguments::AngleBracketed(given)) => given
                        .args
                        .iter()
                        .filter_map(|argument| match argument {
                            syn::GenericArgument::Type(ty) => Some(self.index.ty(ty, &self.scope)),
                            _ => None,
                        })
                        .collect(),
                    _ => Vec::new(),
                };
                if arguments.is_empty() && is_holder(of) {
                    // `Lazy::new(|| …)` holds what the closure yields.
                    arguments.push(match first() {
                        Ty::Fn(yields) => *yields,
                        other => other,
                    });
                }
                let own = Ty::Named(Res::Foreign(of.to_owned()), arguments);
                match name {
                    "try_from" | "from_str" | "open" | "connect" | "bind" => result(own),
                    _ => own,
                }
            }
            Res::Module(_) | Res::Unknown(_) => Ty::Unknown,
        }
    }
}

fn starts_upper(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

fn is_primitive(name: &str) -> bool {
    matches!(name, "str" | "char" | "bool") || name.starts_with(['u', 'i', 'f'])
}

fn is_constructor(name: &str) -> bool {
    matches!(
        name,
        "new"
            | "default"
            | "with_capacity"
            | "open"
            | "connect"
            | "bind"
            | "now"
            | "now_utc"
            | "builder"
            | "with_hasher"
            | "pin"
            | "const_new"
            | "new_v4"
            | "nil"
    ) || name.starts_with("from")
        || name.starts_with("try_from")
        || name.starts_with("new_")
        || name.starts_with("with_")
}

/// Types that hold one value, which their constructor is given.
fn is_holder(path: &str) -> bool {
    const HOLDERS: [&str; 16] = [
        "Arc",
        "Rc",
        "Box",
        "Mutex",
        "RwLock",
        "RefCell",
        "Cell",
        "LazyLock",
        "LazyCell",
        "Lazy",
        "OnceLock",
        "OnceCell",
        "Pin",
        "Cow",
        "ReentrantLock",
        "UnsafeCell",
    ];
    path.rsplit("::")
        .next()
        .is_some_and(|last| HOLDERS.contains(&last))
}

/// What a closure that a method of std is given gets.
pub(super) fn lent_by(on: &Ty, name: &str) -> Ty {
    let reference = |ty: Ty| Ty::Ref(Box::new(ty));
    match name {
        // `LocalKey`
        "with" => reference(on.clone()),
        "with_borrow" | "with_borrow_mut" => reference(on.argument(0)),
        _ => match on.bare() {
            Ty::Named(_, arguments) if arguments.len() == 1 => arguments[0].clone(),
            Ty::Named(Res::Foreign(path), arguments) if path == "std::result::Result" => match name
            {
                "map_err" | "or_else" | "unwrap_or_else" | "inspect_err" => {
                    arguments.get(1).cloned().unwrap_or_default()
                }
                _ => arguments.first().cloned().unwrap_or_default(),
            },
            Ty::List(inner) => (**inner).clone(),
            // `retain(|key, value| …)`
            Ty::Named(_, arguments) if arguments.len() == 2 => Ty::Tuple(arguments.clone()),
            _ => Ty::Unknown,
        },
    }
}

/// What a method of std yields.
pub(super) fn yields_of_std(on: &Ty, name: &str, args: &[Val]) -> Ty {
    let named = |path: &str, of: Vec<Ty>| Ty::Named(Res::Foreign(path.to_owned()), of);
    let option = |of: Ty| named("std::option::Option", vec![of]);
    let iter = |of: Ty| named("std::iter::Iterator", vec![of]);
    let closure = || match args.first().map(|arg| &arg.ty) {
        Some(Ty::Fn(yields)) => (**yields).clone(),
        _ => Ty::Unknown,
    };
    let own = on.bare();
    let path = own.path().unwrap_or_default();
    match name {
        "clone" | "to_owned" | "cloned" | "copied" | "by_ref" | "as_ref" | "as_mut"
        | "as_deref" | "as_deref_mut" | "rev" | "skip" | "filter" | "peekable" | "chain"
        | "step_by" | "take_while" | "skip_while" | "inspect" | "or" | "or_else" | "map_err"
        | "into_inner"
            if !path.starts_with("std::sync") && !path.starts_with("std::cell") =>
        {
            match on {
                Ty::Ref(inner) => (**inner).clone(),
                other => other.clone(),
            }
        }
        "to_string" | "to_uppercase" | "to_lowercase" | "trim" | "replace"
            if path != "std::cell::Cell" =>
        {
            Ty::foreign("std::string::String")
        }
        "len" | "count" => Ty::foreign("usize"),
        "is_empty" | "contains" | "contains_key" | "is_some" | "is_none" | "is_ok" | "is_err" => {
            Ty::foreign("bool")
        }
        _ => match path {
            "std::option::Option" | "std::result::Result" => match name {
                "unwrap" | "expect" | "unwrap_or" | "unwrap_or_else" | "unwrap_or_default"
                | "get_or_insert" | "get_or_insert_with" => own.argument(0),
                "err" => option(own.argument(1)),
                "ok" => option(own.argument(0)),
                "map" => named(path, vec![closure(), own.argument(1)]),
                "and_then" => closure(),
                "iter" | "into_iter" | "iter_mut" => iter(own.argument(0)),
                "ok_or" | "ok_or_else" => result(own.argument(0)),
                "take" | "filter" | "insert" | "replace" => own.clone(),
                _ => Ty::Unknown,
            },
            "std::sync::Mutex" | "std::sync::RwLock" => match name {
                "lock" | "write" | "try_lock" | "try_write" => {
                    result(named("std::sync::MutexGuard", vec![own.argument(0)]))
                }
                "read" | "try_read" => {
                    result(named("std::sync::RwLockReadGuard", vec![own.argument(0)]))
                }
                "get_mut" | "into_inner" => result(own.argument(0)),
                _ => Ty::Unknown,
            },
            "tokio::sync::Mutex"
            | "tokio::sync::RwLock"
            | "parking_lot::Mutex"
            | "parking_lot::RwLock" => match name {
                "lock" | "write" => named("std::sync::MutexGuard", vec![own.argument(0)]),
                "read" => named("std::sync::RwLockReadGuard", vec![own.argument(0)]),
                _ => Ty::Unknown,
            },
            "std::cell::RefCell" => match name {
                "borrow" => named("std::cell::Ref", vec![own.argument(0)]),
                "borrow_mut" => named("std::cell::RefMut", vec![own.argument(0)]),
                "take" | "replace" => own.argument(0),
                _ => Ty::Unknown,
            },
            "std::cell::Cell" => own.argument(0),
            "std::sync::OnceLock" | "std::cell::OnceCell" => match name {
                "get_or_init" => own.argument(0),
                _ => option(own.argument(0)),
            },
            "std::iter::Iterator" => match name {
                "next" | "last" | "nth" | "max" | "min" | "find" | "max_by_key" | "min_by_key" => {
                    option(own.argument(0))
                }
                "enumerate" => iter(Ty::Tuple(vec![Ty::foreign("usize"), own.argument(0)])),
                "map" | "filter_map" | "flat_map" => iter(closure()),
                "iter" | "into_iter" | "take" => own.clone(),
                _ => Ty::Unknown,
            },
            _ => match (own, name) {
                (Ty::Named(_, arguments), _) if arguments.len() == 2 => {
                    let (key, value) = (arguments[0].clone(), arguments[1].clone());
                    match name {
                        "get" | "get_mut" | "remove" | "insert" => option(value),
                        "entry" => named("std::collections::Entry", vec![value]),
                        "keys" | "into_keys" => iter(key),
                        "values" | "values_mut" | "into_values" => iter(value),
                        "iter" | "iter_mut" | "into_iter" | "drain" | "range" => {
                            iter(Ty::Tuple(vec![key, value]))
                        }
                        "first_key_value" | "last_key_value" | "pop_first" | "pop_last" => {
                            option(Ty::Tuple(vec![key, value]))
                        }
                        _ => Ty::Unknown,
                    }
                }
                (_, "iter" | "iter_mut" | "into_iter" | "drain" | "windows" | "chunks") => {
                    iter(own.argument(0))
                }
                (
                    _,
                    "get" | "get_mut" | "first" | "last" | "pop" | "pop_front" | "pop_back"
                    | "front" | "back" | "peek" | "first_mut" | "last_mut",
                ) => option(own.argument(0)),
                (_, "or_default" | "or_insert" | "or_insert_with") => own.argument(0),
                _ => Ty::Unknown,
            },
        },
    }
}
