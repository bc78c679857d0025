//! Cells inside of values: what changes in an instance that was only built.

use super::{
    cells,
    krate::{Krate, type_arguments},
    rules,
};
use crate::read::plain;
use std::collections::BTreeSet;
use syn::{Fields, Item, Type};

/// A cell that a value of type `ty` has in it, through the types of this crate:
/// `Log.lines`, or the cell's type.
pub(super) fn changes(krate: &Krate<'_>, module: &str, ty: &Type) -> Option<String> {
    look(krate, module, ty, &mut BTreeSet::new())
}

/// The question about what is built in each instance, and changes there.
pub(super) fn question(name: &str, cell: &str) -> String {
    format!(
        "`{name}` is built in each instance, and what is written to `{cell}` in it is lost when the call is over: shall \
         it be state (its value in a `Mutex` of its own, with `#[skylark::state]`), or may it be lost?"
    )
}

fn is_cell(path: &str) -> bool {
    rules::cell_of(path).is_some()
        || rules::atomic(path).is_some()
        || cells::unknown(path).is_some()
        || path == "std::sync::atomic::AtomicPtr"
}

fn look(krate: &Krate<'_>, module: &str, ty: &Type, seen: &mut BTreeSet<String>) -> Option<String> {
    match ty {
        Type::Reference(reference) => return look(krate, module, &reference.elem, seen),
        Type::Array(array) => return look(krate, module, &array.elem, seen),
        Type::Slice(slice) => return look(krate, module, &slice.elem, seen),
        Type::Tuple(tuple) => {
            let mut elems = tuple.elems.iter();
            return elems.find_map(|ty| look(krate, module, ty, seen));
        }
        _ => {}
    }
    let path = krate.type_path(module, ty)?;
    if is_cell(&path) {
        return Some(path);
    }
    if let Some((place, alias)) = krate.aliases.get(&path)
        && seen.insert(path.clone())
    {
        return look(krate, &place.module, &alias.ty, seen);
    }
    if let Some(found) = krate.types.get(&path)
        && seen.insert(path.clone())
    {
        let name = path.rsplit("::").next().unwrap_or(&path);
        let all: Vec<(String, &Fields)> = match found.item {
            Item::Struct(item) => vec![(name.to_owned(), &item.fields)],
            Item::Enum(item) => item
                .variants
                .iter()
                .map(|v| (format!("{name}::{}", plain(&v.ident)), &v.fields))
                .collect(),
            _ => Vec::new(),
        };
        for (owner, fields) in all {
            for (index, field) in fields.iter().enumerate() {
                let Some(inner) = look(krate, &found.place.module, &field.ty, seen) else {
                    continue;
                };
                // The innermost type of this crate names it best.
                if !is_cell(&inner) {
                    return Some(inner);
                }
                let ident = field.ident.as_ref();
                let name = ident.map_or_else(|| index.to_string(), plain);
                return Some(format!("{owner}.{name}"));
            }
        }
    }
    let arguments = type_arguments(ty).into_iter();
    let mut arguments = arguments.filter(|_| path != "std::marker::PhantomData");
    arguments.find_map(|ty| look(krate, module, ty, seen))
}
