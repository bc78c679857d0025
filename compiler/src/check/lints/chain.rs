//! Successors that do not take what comes, as far as names of types tell.

use crate::{
    check::{
        app::{Successors, diagnostic, label},
        code::{Code, Diagnostic},
    },
    read::krate::{FunctionItem, Model, Place},
};
use syn::{GenericArgument, PathArguments, Type};

pub(super) fn check(model: &Model, found: &mut Vec<Diagnostic>) {
    let graph = Successors::resolve(model);
    for (from, function) in model.functions.iter().enumerate() {
        let written = &function.schema;
        // What branches and choices take is rustc's to say.
        if written.each || written.choice || written.next.len() != 1 {
            continue;
        }
        let (Some(to), Some(span)) = (graph.edges[from].first(), function.next.first()) else {
            continue;
        };
        let next = &model.functions[*to];
        if !fits(model, function, next) {
            found.push(report(model, function, next, *span));
        }
    }
}

/// Whether a function takes what another yields; true where that cannot be told.
fn fits(model: &Model, from: &FunctionItem, to: &FunctionItem) -> bool {
    let Some(output) = parse(&from.schema.output) else {
        return true;
    };
    // A method of an object with a key takes the key before.
    let args: Option<Vec<Type>> = to.schema.args.iter().map(|arg| parse(&arg.ty)).collect();
    let Some(args) = args else { return true };
    if to.schema.ident.contains("::") {
        return true;
    }
    match (args.as_slice(), &output) {
        ([one], output) => may_equal(model, output, one),
        (several, Type::Tuple(tuple)) => {
            let elems = tuple.elems.iter().zip(several);
            tuple.elems.len() == several.len()
                && elems.into_iter().all(|(a, b)| may_equal(model, a, b))
        }
        (_, output) => !is_known(model, output),
    }
}

fn parse(text: &str) -> Option<Type> {
    syn::parse_str(text).ok()
}

/// Whether two types may be the same.
fn may_equal(model: &Model, a: &Type, b: &Type) -> bool {
    if !is_known(model, a) || !is_known(model, b) {
        return true;
    }
    match (a, b) {
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.elems.len() == b.elems.len()
                && a.elems
                    .iter()
                    .zip(&b.elems)
                    .all(|(a, b)| may_equal(model, a, b))
        }
        (Type::Path(a), Type::Path(b)) => {
            let (Some(a), Some(b)) = (a.path.segments.last(), b.path.segments.last()) else {
                return true;
            };
            a.ident == b.ident
                && match (arguments(&a.arguments), arguments(&b.arguments)) {
                    (Some(a), Some(b)) => {
                        a.len() != b.len() || a.iter().zip(&b).all(|(a, b)| may_equal(model, a, b))
                    }
                    _ => true,
                }
        }
        _ => false,
    }
}

fn arguments(arguments: &PathArguments) -> Option<Vec<&Type>> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    let types = arguments.args.iter().map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Whether a type's name says which it is: one of the language, of the standard
/// library, or the only one of its name in the crate and no alias.
fn is_known(model: &Model, ty: &Type) -> bool {
    const KNOWN: [&str; 25] = [
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64",
        "i128", "isize", "f32", "f64", "String", "Vec", "Option", "BTreeMap", "BTreeSet",
        "HashMap", "HashSet", "VecDeque", "Duration",
    ];
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().all(|ty| is_known(model, ty)),
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else {
                return false;
            };
            let name = last.ident.to_string();
            let renamed = model.aliases.contains_key(&name);
            // A user's type may have a name of the standard library.
            let known = KNOWN.contains(&name.as_str());
            match model.types.get(&name) {
                Some(of_that_name) => !renamed && !known && *of_that_name == 1,
                None => !renamed && known,
            }
        }
        _ => false,
    }
}

fn report(
    model: &Model,
    from: &FunctionItem,
    to: &FunctionItem,
    span: crate::SourceSpan,
) -> Diagnostic {
    let place = Place {
        ident: span,
        ..from.place.clone()
    };
    let (name, next) = (&from.schema.name, &to.schema.name);
    let takes: Vec<&str> = to.schema.args.iter().map(|arg| arg.ty.as_str()).collect();
    let takes = match takes.as_slice() {
        [] => "nothing".to_owned(),
        types => format!("`{}`", types.join("`, `")),
    };
    let output = &from.schema.output;
    let message = format!("`{next}` does not take the `{output}` that `{name}` yields");
    let mut d = diagnostic(model, Code::SuccessorType, &place, message);
    d.label = format!("takes {takes}");
    d.labels = vec![
        label(model, &from.place, format!("yields `{output}`")),
        label(model, &to.place, format!("takes {takes}")),
    ];
    d.help = vec!["change one of the two, or put a function between them".into()];
    d
}
