//! What a variable's options say of its past: what earlier builds called it, and
//! what they wrote.

use super::{rule, string};
use crate::{
    errors::Errors,
    read::{RawOptions, text},
};
use skylark_abi::{names::is_valid_name, schema::MAX_MIGRATIONS};
use syn::{Expr, Path};

/// A variable's past.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    /// Its earlier names in the store, in the order in which they are looked for.
    pub(crate) was: Vec<String>,
    /// Functions that make of what one build wrote what the next writes, the
    /// oldest first.
    pub(crate) migrate: Vec<Path>,
}

/// Reads the options `was` and `migrate`; `name` is what it is called now.
pub(super) fn check(options: &RawOptions, name: Option<&str>, errors: &mut Errors) -> Past {
    Past {
        was: was(options, name, errors),
        migrate: migrate(options, errors),
    }
}

/// The values of an option that takes one or several in brackets.
fn several<'a>(options: &'a RawOptions, option: &str) -> Vec<&'a Expr> {
    match options.get(option) {
        None => Vec::new(),
        Some(Expr::Array(array)) => array.elems.iter().collect(),
        Some(one) => vec![one],
    }
}

/// Earlier names.
pub(super) fn was(options: &RawOptions, name: Option<&str>, errors: &mut Errors) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for value in several(options, "was") {
        let Some(literal) = string(value, "was", errors) else {
            continue;
        };
        let earlier = literal.value();
        if !is_valid_name(&earlier) {
            let rule = rule("state variable");
            errors.on(
                value,
                format_args!("`{earlier}` cannot have named a state variable; {rule}"),
            );
        } else if name == Some(earlier.as_str()) {
            errors.on(
                value,
                format_args!("`{earlier}` is what it is called now; `was` takes an earlier name"),
            );
        } else if names.contains(&earlier) {
            errors.on(
                value,
                format_args!("`{earlier}` is given twice; leave one of them out"),
            );
        } else {
            names.push(earlier);
        }
    }
    names
}

fn migrate(options: &RawOptions, errors: &mut Errors) -> Vec<Path> {
    let mut paths = Vec::new();
    for value in several(options, "migrate") {
        match value {
            Expr::Path(path) if path.qself.is_none() => paths.push(path.path.clone()),
            other => errors.on(
                other,
                format_args!(
                    "`migrate` takes the path of a function from what was stored to what is stored \
                     now, `fn f(old: Old) -> New`, or several in brackets, the oldest first; not `{}`",
                    text(other)
                ),
            ),
        }
    }
    if paths.len() > MAX_MIGRATIONS {
        errors.on(
            &paths[MAX_MIGRATIONS],
            format_args!(
                "a variable can have {MAX_MIGRATIONS} migrations, and not {}",
                paths.len()
            ),
        );
        paths.truncate(MAX_MIGRATIONS);
    }
    paths
}
