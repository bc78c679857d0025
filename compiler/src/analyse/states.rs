//! Which state variables a fact touches, and whether it may change them.

use super::{
    Fact, Index, ItemId, Kind, Place, Root, Step, Ty, Val, What,
    effects::{Access, Touch},
};
use crate::read::{krate::StateItem, plain};
use std::collections::BTreeMap;

/// The state variables of a crate, by what they are in the source.
#[derive(Debug)]
pub(crate) struct States {
    statics: BTreeMap<ItemId, usize>,
    objects: BTreeMap<ItemId, BTreeMap<String, usize>>,
}

impl States {
    pub(crate) fn new(index: &Index<'_>) -> Self {
        let mut by_place = BTreeMap::new();
        for (number, state) in index.model.states.iter().enumerate() {
            by_place.insert((state.place.file, state.place.ident.start), number);
        }
        let number = |file: usize, span: proc_macro2::Span| {
            let start = index.model.files[file].locate(span).start;
            by_place.get(&(file, start)).copied()
        };
        let (mut statics, mut objects) = (BTreeMap::new(), BTreeMap::new());
        for (id, item) in index.items.iter().enumerate() {
            let file = item.site.file;
            match &item.kind {
                Kind::Static { .. } => {
                    statics.extend(number(file, item.site.span).map(|state| (id, state)));
                }
                Kind::Struct(of) if item.annotation.is_some() => {
                    let fields = of.fields.iter().enumerate().filter_map(|(at, field)| {
                        let (name, state) = match &field.ident {
                            Some(ident) => (plain(ident), number(file, ident.span())),
                            None => {
                                let own = format!("{}::{at}", item.name);
                                let mut states = index.model.states.iter();
                                let is_it = |state: &StateItem| {
                                    state.place.file == file && state.schema.ident == own
                                };
                                (at.to_string(), states.position(is_it))
                            }
                        };
                        Some((name, state?))
                    });
                    objects.insert(id, fields.collect());
                }
                _ => {}
            }
        }
        Self { statics, objects }
    }

    /// The numbers by the static, or the struct whose fields they are.
    pub(super) fn by_item(self) -> BTreeMap<ItemId, Vec<usize>> {
        let statics = self
            .statics
            .into_iter()
            .map(|(id, state)| (id, vec![state]));
        let objects = self.objects.into_iter();
        let objects = objects.map(|(id, fields)| (id, fields.into_values().collect()));
        statics.chain(objects).collect()
    }

    /// The fields of a struct and their numbers.
    pub(crate) fn fields(&self, object: ItemId) -> impl Iterator<Item = (&String, usize)> {
        let fields = self.objects.get(&object).into_iter().flatten();
        fields.map(|(name, number)| (name, *number))
    }
}

/// What stands for the key of an entry.
type Key = Option<Val>;

/// The uses of state in a fact, each with the key of an entry.
pub(super) fn touches(index: &Index<'_>, fact: &Fact<'_>, states: &States) -> Vec<(Touch, Key)> {
    let (place, access, by, key) = match &fact.what {
        What::Path { target } => {
            let state = target.item().and_then(|item| states.statics.get(&item));
            return state.map_or_else(Vec::new, |state| {
                vec![(touch(*state, Access::Named, "named"), None)]
            });
        }
        What::Field { on, name } => {
            let fields = on.ty.item().and_then(|item| states.objects.get(&item));
            let state = fields.and_then(|fields| fields.get(name));
            return state.map_or_else(Vec::new, |state| {
                vec![(touch(*state, Access::Named, "named"), None)]
            });
        }
        What::Method {
            name,
            on,
            targets,
            args,
            certain,
            ..
        } => {
            let Some(place) = &on.from else {
                return Vec::new();
            };
            if GUARDS.contains(&name.as_str()) && !is_inside(place) && name != "get_mut"
                || PASSING.contains(&name.as_str())
            {
                return Vec::new(); // What is done with what it gives is told there.
            }
            let only_looks = !targets.is_empty()
                && *certain
                && targets.iter().all(|target| index.borrows_self(*target));
            let access = if only_looks {
                Access::Read
            } else if targets.is_empty() || place.steps.is_empty() {
                of_method(on, place, name)
            } else {
                Access::Write
            };
            let key = args.first().cloned();
            (place, access, name.as_str(), key)
        }
        What::Assign { to } => {
            let Some(place) = &to.from else {
                return Vec::new();
            };
            let compound = matches!(fact.expr, Some(syn::Expr::Binary(_)));
            let access = match compound {
                true => Access::Write,
                false if whole(place) => Access::Overwrite,
                false => Access::Write,
            };
            (place, access, if compound { "changed" } else { "=" }, None)
        }
        What::BorrowMut { of } => {
            let Some(place) = &of.from else {
                return Vec::new();
            };
            (place, Access::Write, "&mut", None)
        }
        What::Escape { of } => {
            let Some(place) = &of.from else {
                return Vec::new();
            };
            // `N.store(x)` at the end of a body gives nothing away.
            if matches!(place.steps.last(), Some(Step::Call(name)) if UNIT.contains(&name.as_str()))
            {
                return Vec::new();
            }
            let copied = matches!(
                place.steps.last(),
                Some(Step::Deref | Step::Field(_) | Step::Index)
            );
            let lent = place.steps.last() == Some(&Step::Ref) && is_inside(place);
            let access = if copied && is_inside(place) || lent {
                Access::Read
            } else {
                Access::Write
            };
            (place, access, Touch::GIVEN, None)
        }
        What::For { over } => {
            let Some(place) = &over.from else {
                return Vec::new();
            };
            (place, Access::Read, "iterated", None)
        }
        _ => return Vec::new(),
    };
    let access = match place.steps.iter().any(is_detached) {
        true => Access::Read,
        false => access,
    };
    // What is done with an entry is told by the method that lends it.
    let of_entry = matches!(fact.what, What::Escape { .. }) && is_given(place);
    let with = |state: &usize| {
        let is_entry = of_entry && index.model.states[*state].schema.collection().is_some();
        (!is_entry).then(|| (touch(*state, access, by), key.clone()))
    };
    match &place.root {
        Root::Static(item) => {
            let state = states.statics.get(item);
            state.and_then(with).into_iter().collect()
        }
        Root::Object(object) => {
            let fields = states.objects.get(object);
            match (place.steps.first(), fields) {
                (Some(Step::Field(name)), Some(fields)) => {
                    fields.get(name).and_then(with).into_iter().collect()
                }
                // A method of the struct is looked at by itself.
                (_, Some(fields)) if !matches!(fact.what, What::Method { ref targets, .. } if !targets.is_empty()) => {
                    fields.values().filter_map(with).collect()
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

fn touch(state: usize, access: Access, by: &str) -> Touch {
    Touch {
        state,
        access,
        by: by.to_owned(),
        key: None,
        told: true,
    }
}

impl Index<'_> {
    /// Whether a method of the crate takes `&self`.
    fn borrows_self(&self, item: ItemId) -> bool {
        match &self.items[item].kind {
            Kind::Fn(f) => f.sig.receiver().is_some_and(|receiver| {
                matches!(&receiver.kind, syn::ReceiverKind::Reference(_, _, None))
            }),
            _ => false,
        }
    }
}

/// Calls that give what is inside of a cell.
const GUARDS: &[&str] = &[
    "lock",
    "write",
    "read",
    "borrow",
    "borrow_mut",
    "try_lock",
    "try_write",
    "try_read",
    "try_borrow",
    "try_borrow_mut",
    "with",
    "with_borrow",
    "with_borrow_mut",
    "get_mut",
];

/// Whether a place is inside of a cell, or of a struct, where `&` cannot change it.
fn is_inside(place: &Place) -> bool {
    let guarded = place.steps.iter().any(|step| {
        matches!(step, Step::Call(name) if GUARDS.contains(&name.as_str()) && name != "with")
    });
    guarded || matches!(place.root, Root::Object(_))
}

/// Whether all of the variable is assigned to.
fn whole(place: &Place) -> bool {
    let passes = |step: &Step| match step {
        Step::Deref | Step::RefMut => true,
        Step::Call(name) => GUARDS.contains(&name.as_str()) || PASSING.contains(&name.as_str()),
        _ => false,
    };
    let own = usize::from(matches!(place.root, Root::Object(_)));
    place.steps.iter().skip(own).all(passes)
}

const PASSING: &[&str] = &["unwrap", "expect", "?", "unwrap_or_else", "await"];

/// Calls that give `()`.
const UNIT: &[&str] = &["clear", "extend", "push", "set", "store"];

/// Calls that give what is no part of what they are called on (`take` of an iterator is).
pub(crate) const DETACHING: &[&str] = &[
    "clone",
    "cloned",
    "copied",
    "to_owned",
    "to_string",
    "to_vec",
    "len",
    "is_empty",
    "contains",
    "contains_key",
    "count",
    "sum",
    "is_some",
    "is_none",
    "load",
    "fetch_add",
    "fetch_sub",
    "swap",
    "remove",
    "pop",
    "insert",
    "replace",
];

/// Calls after which a value is no part of the variable any more.
fn is_detached(step: &Step) -> bool {
    matches!(step, Step::Call(name) if DETACHING.contains(&name.as_str()))
}

/// What a method of std does to what it is called on.
fn of_method(on: &Val, place: &Place, name: &str) -> Access {
    let inside = is_inside(place);
    let path = on.ty.bare().path().unwrap_or_default();
    if !inside {
        // The cell itself.
        return match name {
            "load" | "get" | "as_ref" | "deref" | "is_poisoned" | "unwrap" | "expect" | "clone" => {
                Access::Read
            }
            "store" | "set" => Access::Overwrite,
            _ if is_collection(path) => of_collection(name),
            // What a call gave is no cell: its iterators, say.
            _ if (path.is_empty() || is_given(place)) && READS.contains(&name) => Access::Read,
            _ => Access::Write,
        };
    }
    match name {
        _ if READS.contains(&name) => Access::Read,
        _ if GUARDS.contains(&name) && name != "get_mut" => Access::Read,
        "clear" => Access::Overwrite,
        _ => of_collection(name),
    }
}

/// Whether a place is what a method gave.
fn is_given(place: &Place) -> bool {
    let given = |step: &Step| matches!(step, Step::Call(name) if !PASSING.contains(&name.as_str()));
    place.steps.iter().any(given)
}

/// Skylark's own collections, whose entries are kept one by one.
fn is_collection(path: &str) -> bool {
    matches!(path, "skylark::Map" | "skylark::List" | "skylark::Counter")
}

/// Types that lend nothing that is in them.
pub(super) fn gives_copies(ty: &Ty) -> bool {
    let path = ty.bare().path().unwrap_or_default();
    path == "std::cell::Cell" || path.starts_with("std::sync::atomic::") || is_collection(path)
}

fn of_collection(name: &str) -> Access {
    match name {
        // Done again, they leave what they left.
        "insert" | "remove" | "set" => Access::Overwrite,
        _ if READS.contains(&name) => Access::Read,
        _ => Access::Write,
    }
}

/// Methods of std that only look.
const READS: &[&str] = &[
    "all",
    "any",
    "as_bytes",
    "as_deref",
    "as_ref",
    "as_slice",
    "as_str",
    "binary_search",
    "chars",
    "chunks",
    "clone",
    "cloned",
    "cmp",
    "collect",
    "contains",
    "contains_key",
    "copied",
    "count",
    "difference",
    "ends_with",
    "enumerate",
    "eq",
    "filter",
    "filter_map",
    "find",
    "first",
    "first_key_value",
    "flat_map",
    "flatten",
    "fold",
    "for_each",
    "front",
    "back",
    "get",
    "get_key_value",
    "intersection",
    "into_iter",
    "is_empty",
    "is_err",
    "is_none",
    "is_ok",
    "is_some",
    "is_subset",
    "iter",
    "join",
    "keys",
    "last",
    "last_key_value",
    "len",
    "lines",
    "map",
    "max",
    "max_by",
    "max_by_key",
    "min",
    "min_by",
    "min_by_key",
    "ne",
    "next",
    "nth",
    "ok_or",
    "ok_or_else",
    "partial_cmp",
    "partition",
    "peek",
    "position",
    "product",
    "range",
    "rev",
    "skip",
    "split",
    "starts_with",
    "step_by",
    "sum",
    "symmetric_difference",
    "take_while",
    "then",
    "to_owned",
    "to_string",
    "to_vec",
    "trim",
    "union",
    "unwrap_or",
    "unwrap_or_default",
    "values",
    "windows",
    "zip",
    "and_then",
    "or",
    "map_or",
    "map_or_else",
    "is_some_and",
    "deref",
    "value",
    "page",
    "map_err",
    "err",
    "ok",
    "hash",
    "abs",
    "checked_add",
    "checked_sub",
    "saturating_sub",
    "saturating_add",
    "wrapping_add",
    "pow",
    "inspect",
];

/// The fields on the way from an argument to a value, if nothing else is done on it.
pub(super) fn value_path(steps: &[Step]) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    for step in steps {
        match step {
            Step::Field(name) => fields.push(name.clone()),
            Step::Ref | Step::Deref => {}
            Step::Call(name)
                if matches!(
                    name.as_str(),
                    "clone" | "as_str" | "to_owned" | "to_string" | "as_ref" | "into" | "borrow"
                ) => {}
            _ => return None,
        }
    }
    Some(fields)
}
