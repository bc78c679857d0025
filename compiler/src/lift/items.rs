//! Items: shared structs become statics, globals are annotated, routers go.

use super::{
    cells::Held,
    comments,
    globals::unstorable,
    inside,
    krate::{Place, type_arguments},
    out::Out,
    report::Kind,
    rules::{self, Role},
    shared::{Shared, without_arc},
    thrift,
    values::{self, Use},
};
use crate::read::plain;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Field, Fields, ImplItem, ItemStruct, spanned::Spanned as _};

/// The annotation of what is kept.
const STATE: &str = "#[skylark::state]";

/// Writes every item that is no function.
pub(super) fn write(out: &mut Out<'_, '_>) {
    let plan = out.plan;
    for (path, shared) in &plan.shared {
        statics(out, path, shared);
    }
    for (path, global) in &plan.globals {
        let name = path.rsplit("::").next().unwrap_or(path);
        let file = global.place.file;
        let at = out.krate.range(file, global.at).start;
        let (kind, why) = match global.held {
            Held::State { .. } => (Kind::State, "handlers change it"),
            Held::Init if global.changes => (
                Kind::Init,
                "it is built at its first use in each instance, and what is written to it is lost",
            ),
            Held::Init | Held::Client => (
                Kind::Init,
                "it is built at its first use, and never changes",
            ),
        };
        let attribute = match (&global.rename, global.held) {
            (Some(rename), Held::State { .. }) => {
                format!("#[skylark::state(rename = \"{rename}\")]")
            }
            (None, Held::State { .. }) => STATE.to_owned(),
            (_, Held::Init | Held::Client) => INIT.to_owned(),
        };
        out.annotate(file, at, &attribute);
        out.decide(kind, (&global.place, global.ident), name, attribute, why);
        for (span, std) in &global.cells {
            let range = out.krate.range(file, *span);
            let written = out.krate.text(file, *span).to_owned();
            let short = std.rsplit("::").next().unwrap_or(std);
            out.edits.replace(file, range, short);
            let means = syn::parse_str::<syn::Path>(&written)
                .map(|path| out.krate.names.resolve(&global.place.module, &path));
            out.gone.extend(means.ok());
            out.imports
                .entry(file)
                .or_default()
                .insert((*std).to_owned());
        }
    }
    for (place, item) in &out.krate.statics {
        let path = format!("{}::{}", place.module, plain(&item.ident));
        if plan
            .globals
            .get(&path)
            .is_some_and(|global| global.held != Held::Init)
        {
            values::note(out, &place.module, &item.ty, Use::Stored);
        }
    }
    removals(out);
}

/// The annotation of what is built.
const INIT: &str = "#[skylark::init]";

/// The statics that a shared struct becomes.
fn statics(out: &mut Out<'_, '_>, path: &str, shared: &Shared<'_>) {
    let (place, item) = (&shared.place, shared.item);
    let whole = out.range(place.file, item);
    let mut text = String::new();
    let ident = plain(&item.ident);
    if shared.methods {
        text.push_str(&kept(out, place, &item.attrs, &["doc"]));
        let vis = out.text(place.file, &item.vis);
        text.push_str(&format!("{vis} struct {ident};\n\n"));
    } else {
        out.gone.insert(path.to_owned());
    }
    let mut comments = comments_of(out, place, item);
    for (index, field) in item.fields.iter().enumerate() {
        let name = field
            .ident
            .as_ref()
            .map_or_else(|| index.to_string(), plain);
        let Some(found) = shared.fields.get(&name) else {
            continue;
        };
        let at = out.range(place.file, field);
        text.push_str(&std::mem::take(&mut comments[index]));
        if matches!(found.held, Held::State { .. }) {
            stored(out, place, field);
        }
        text.push_str(&out.place_questions(place.file, at));
        text.push_str(&kept(out, place, &field.attrs, FIELD_ATTRIBUTES));
        let (kind, attribute, why) = match found.held {
            Held::State { .. } => (Kind::State, STATE, "handlers share it, and change it"),
            Held::Init if inside::changes(out.krate, &place.module, &field.ty).is_some() => (
                Kind::Init,
                INIT,
                "handlers share it; it is built in each instance, and what is written to it is lost",
            ),
            Held::Init => (Kind::Init, INIT, "handlers share it, and cannot change it"),
            Held::Client => (Kind::Call, "", "it calls another service of this app"),
        };
        if !attribute.is_empty() {
            text.push_str(&format!("{attribute}\n"));
        }
        text.push_str(&format!("{}\n\n", found.line));
        let imports = out.imports.entry(place.file).or_default();
        imports.extend(found.imports.iter().cloned());
        let became = match found.held {
            Held::Client => format!("fn {}()", found.name),
            _ => format!("{attribute} static {}", found.name),
        };
        out.decide(
            kind,
            (place, found.span),
            format!("{ident}.{name}"),
            became.trim(),
            why,
        );
    }
    let last = comments.last().map_or("", String::as_str);
    text.push_str(last);
    let mut text = text.trim_end().to_owned();
    let rest = out.krate.source(place.file).get(whole.end..);
    if !last.is_empty() && !rest.is_some_and(|rest| rest.starts_with('\n')) {
        text.push('\n');
    }
    out.edits.supersede(place.file, whole, text);
}

/// What a field of state stores.
fn stored(out: &mut Out<'_, '_>, place: &Place, field: &Field) {
    let ty = without_arc(out.krate, &place.module, &field.ty);
    let cell = out.krate.type_path(&place.module, ty).unwrap_or_default();
    if rules::cell_of(&cell).is_some_and(|cell| cell.path != cell.std) {
        out.gone.insert(cell);
    }
    if let Some(value) = type_arguments(ty).first() {
        if let Some(why) = unstorable(out.krate, &place.module, value) {
            out.ask(
                place,
                field.span(),
                format!("a `{why}` cannot be stored: is it built again in each instance, or can this hold plain data instead?"),
            );
        }
        values::note(out, &place.module, value, Use::Stored);
    }
}

/// What of a field's attributes is its static's.
const FIELD_ATTRIBUTES: &[&str] = &["allow", "cfg", "deprecated", "doc", "expect"];

/// Attributes of these names, as they stand.
fn kept(out: &Out<'_, '_>, place: &Place, attrs: &[syn::Attribute], names: &[&str]) -> String {
    let kept = attrs
        .iter()
        .filter(|attr| names.iter().any(|name| attr.path().is_ident(name)));
    kept.fold(String::new(), |text, attr| {
        format!("{text}{}\n", out.text(place.file, attr))
    })
}

/// The comments of each field; those after the last one are the last in the list.
fn comments_of(out: &Out<'_, '_>, place: &Place, item: &ItemStruct) -> Vec<String> {
    let source = out.krate.source(place.file);
    let delimiters = match &item.fields {
        Fields::Named(fields) => Some(fields.brace_token.span),
        Fields::Unnamed(fields) => Some(fields.paren_token.span),
        Fields::Unit => None,
    };
    let mut comments = vec![String::new(); item.fields.len() + 1];
    let Some(delimiters) = delimiters else {
        return comments;
    };
    let mut from = out.range(place.file, delimiters.open()).end;
    let last = out.range(place.file, delimiters.close()).start;
    let starts = item.fields.iter().map(|field| out.range(place.file, field));
    for (index, at) in starts.chain(std::iter::once(last..last)).enumerate() {
        let gap = source.get(from..at.start).unwrap_or_default();
        let (before, after) = comments::between(gap);
        comments[index.saturating_sub(1)].push_str(&before);
        comments[index].push_str(&after);
        from = at.end;
    }
    comments
}

/// Takes out what has no place in a function.
fn removals(out: &mut Out<'_, '_>) {
    let plan = out.plan;
    let krate = out.krate;
    let mut whole: BTreeSet<usize> = BTreeSet::new();
    for (index, (place, item)) in krate.impls.iter().enumerate() {
        let owner = krate
            .type_path(&place.module, &item.self_ty)
            .unwrap_or_default();
        let of_trait = item
            .trait_
            .as_ref()
            .map(|(path, _)| krate.names.resolve(&place.module, path));
        let is_response = of_trait.as_deref().and_then(rules::role) == Some(Role::Response);
        let of_shared = of_trait.is_some()
            && plan.shared.contains_key(&owner)
            && !plan
                .services
                .get(&owner)
                .is_some_and(|s| std::ptr::eq(s.item, *item));
        let all = !item.items.is_empty()
            && item.items.iter().all(|inner| match inner {
                ImplItem::Fn(method) => plan
                    .removed
                    .contains_key(&format!("{owner}::{}", plain(&method.sig.ident))),
                _ => false,
            });
        if is_response || of_shared || all {
            let range = out.range(place.file, item);
            out.remove(place.file, range);
            whole.insert(index);
        }
        if is_response {
            let name = owner.rsplit("::").next().unwrap_or(&owner).to_owned();
            out.decide(
                Kind::Removed,
                (place, item.span()),
                format!("impl IntoResponse for {name}"),
                "",
                "what a function refuses with is shown by its `Display`; its status is the node's (422)",
            );
            if !shows(out, &owner) {
                out.ask(place, item.span(), format!("callers see what a function refused with by its `Display`: what shall `{name}` say?"));
            }
        }
    }
    if !plan.services.is_empty() {
        for (path, (place, alias)) in &krate.aliases {
            if thrift::client_of(krate, &place.module, &alias.ty).is_some()
                || thrift::is_transport(krate, &place.module, &alias.ty)
            {
                let range = out.range(place.file, *alias);
                out.remove(place.file, range);
                out.gone.insert(path.clone());
            }
        }
    }
    let removed: BTreeMap<&String, &&str> = plan.removed.iter().collect();
    for (path, why) in removed {
        let Some(function) = krate.functions.get(path) else {
            continue;
        };
        let shown = path
            .split_once("::")
            .map_or(path.as_str(), |(_, rest)| rest);
        out.decide(
            Kind::Removed,
            (&function.place, function.sig.ident.span()),
            format!("fn {shown}"),
            "",
            *why,
        );
        out.gone.insert(path.clone());
        let range = out.range(function.place.file, function.span);
        let inside = whole.iter().any(|index| {
            let (place, item) = &krate.impls[*index];
            let outer = out.range(place.file, item);
            place.file == function.place.file
                && outer.start <= range.start
                && range.end <= outer.end
        });
        if !inside {
            out.remove(function.place.file, range);
        }
    }
}

/// Whether a type has a `Display`, as far as can be seen.
fn shows(out: &Out<'_, '_>, path: &str) -> bool {
    let derived = out.krate.types.get(path).is_some_and(|ty| {
        let names = ty.attrs.iter().flat_map(values::derives);
        names
            .into_iter()
            .any(|name| name == "Error" || name == "Display")
    });
    derived
        || out.krate.impls.iter().any(|(place, item)| {
            let of = item
                .trait_
                .as_ref()
                .and_then(|(path, _)| path.segments.last());
            of.is_some_and(|last| last.ident == "Display")
                && out.krate.type_path(&place.module, &item.self_ty).as_deref() == Some(path)
        })
}
