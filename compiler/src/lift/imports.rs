//! Imports: those that nothing names any more go, those that are needed come.

use super::{names::Names, rules};
use crate::read::{krate::SourceFile, plain};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Item, ItemUse, UseTree, Visibility, spanned::Spanned as _};

/// What happens to the imports of a file.
pub(super) struct Imports<'a> {
    pub(super) names: &'a Names<'a>,
    /// The crate's name.
    pub(super) root: &'a str,
    /// Paths that must be imported.
    pub(super) add: &'a BTreeSet<String>,
    /// Paths that are gone.
    pub(super) gone: &'a BTreeSet<String>,
}

/// One name that is imported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    path: Vec<String>,
    rename: Option<String>,
    glob: bool,
}

impl Leaf {
    /// The name that it gives.
    fn name(&self) -> Option<&str> {
        match (&self.rename, self.glob) {
            (_, true) => None,
            (Some(name), _) => Some(name),
            (None, _) => self.path.last().map(String::as_str),
        }
    }
}

/// `new` is what `old` has become; gives it with other imports. `None`: it is no Rust.
pub(super) fn write(old: &SourceFile, new: &str, imports: &Imports<'_>) -> Option<String> {
    let before = mentioned(&old.parse().ok()?.items);
    let mut file = SourceFile {
        text: new.to_owned(),
        ..old.clone()
    };
    let mut syntax = file.parse().ok()?;
    while let Some(text) = without_alias(&file, &syntax.items, &before) {
        file.text = text;
        syntax = file.parse().ok()?;
    }
    let new = file.text.as_str();
    let after = mentioned(&syntax.items);
    let mut add: BTreeSet<Leaf> = imports
        .add
        .iter()
        .filter(|path| after.contains(path.rsplit("::").next().unwrap_or(path)))
        .map(|path| leaf(path, imports.root))
        .collect();
    let mut edits = super::edit::Edits::default();
    let mut first = None;
    for item in &syntax.items {
        let Item::Use(item) = item else { continue };
        let at = file.locate(item.span());
        first.get_or_insert(at.start);
        if item.leading_colon.is_some() || item.attrs.iter().any(|a| a.path().is_ident("cfg")) {
            continue;
        }
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        let mut kept: BTreeSet<Leaf> = leaves
            .iter()
            .filter(|leaf| keeps(leaf, item, old, imports, &before, &after))
            .cloned()
            .collect();
        let mut changed = kept.len() != leaves.len();
        let private = matches!(item.vis, Visibility::Inherited);
        let comments = new[at.start..at.end].contains("//");
        if private
            && !comments
            && let Some(crate_name) = kept.first().and_then(|l| l.path.first()).cloned()
        {
            let more: Vec<Leaf> = add
                .iter()
                .filter(|leaf| leaf.path.first() == Some(&crate_name))
                .cloned()
                .collect();
            for leaf in more {
                add.remove(&leaf);
                changed |= kept.insert(leaf);
            }
        }
        if !changed {
            continue;
        }
        if kept.is_empty() {
            let end = at.end + usize::from(new[at.end..].starts_with('\n'));
            edits.supersede(0, at.start..end, "");
        } else {
            let vis = &new[at.start..file.locate(item.use_token.span()).start];
            edits.supersede(0, at.start..at.end, format!("{vis}use {};", print(&kept)));
        }
    }
    if !add.is_empty() {
        let at = first.unwrap_or_else(|| {
            syntax
                .items
                .first()
                .map_or(new.len(), |item| file.locate(item.span()).start)
        });
        let mut by_crate: BTreeMap<String, BTreeSet<Leaf>> = BTreeMap::new();
        for leaf in add {
            let first = leaf.path.first().cloned().unwrap_or_default();
            by_crate.entry(first).or_default().insert(leaf);
        }
        let lines = by_crate.values().fold(String::new(), |lines, leaves| {
            format!("{lines}use {};\n", print(leaves))
        });
        let blank = if first.is_none() { "\n" } else { "" };
        edits.insert(0, at, format!("{lines}{blank}"));
    }
    Some(edits.apply(0, new).unwrap_or_else(|| new.to_owned()))
}

/// The text without a private `type` that only what is gone has named.
fn without_alias(file: &SourceFile, items: &[Item], before: &BTreeSet<String>) -> Option<String> {
    let unused = items.iter().enumerate().find_map(|(index, item)| {
        let Item::Type(alias) = item else { return None };
        let name = plain(&alias.ident);
        let private = matches!(alias.vis, Visibility::Inherited);
        let others = || {
            items
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
        };
        let named =
            || others().any(|(_, item)| mentioned(std::slice::from_ref(item)).contains(&name));
        (private && before.contains(&name) && !named()).then_some(alias)
    })?;
    let at = file.locate(unused.span());
    let end = at.end + usize::from(file.text[at.end..].starts_with('\n'));
    Some(format!("{}{}", &file.text[..at.start], &file.text[end..]))
}

fn leaf(path: &str, root: &str) -> Leaf {
    let mut path: Vec<String> = path.split("::").map(str::to_owned).collect();
    if path.first().is_some_and(|first| first == root) {
        path[0] = "crate".to_owned();
    }
    Leaf {
        path,
        rename: None,
        glob: false,
    }
}

fn keeps(
    leaf: &Leaf,
    item: &ItemUse,
    old: &SourceFile,
    imports: &Imports<'_>,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> bool {
    let server = rules::is_server(&leaf.path);
    let Some(name) = leaf.name() else {
        // What a glob of a server's crate may have brought, and is named still.
        let glob = leaf.path.join("::");
        let brings = |name: &String| rules::knows(&format!("{glob}::{name}"));
        let private = matches!(item.vis, Visibility::Inherited);
        return !(server && private) || after.iter().any(brings);
    };
    let full = syn::parse_str::<syn::Path>(&leaf.path.join("::"))
        .map(|path| imports.names.resolve(&old.module, &path))
        .unwrap_or_default();
    if imports.gone.contains(&full) {
        // Its name may be given to its successor.
        return false;
    }
    if !matches!(item.vis, Visibility::Inherited) {
        return true;
    }
    after.contains(name) || (!before.contains(name) && !server)
}

/// Every identifier outside of `use` items that an import may stand for: no field, no
/// method, and no part of a path but its first.
pub(super) fn mentioned(items: &[Item]) -> BTreeSet<String> {
    fn all(tokens: TokenStream, into: &mut BTreeSet<String>) {
        // The last two punctuations, if nothing else was between.
        let mut last = (' ', ' ');
        for token in tokens {
            let mut now = (' ', ' ');
            match token {
                TokenTree::Ident(ident)
                    if last != (':', ':') && (last.1 != '.' || last.0 == '.') =>
                {
                    into.insert(plain(&ident));
                }
                TokenTree::Punct(punct) => now = (last.1, punct.as_char()),
                TokenTree::Group(group) => all(group.stream(), into),
                _ => {}
            }
            last = now;
        }
    }
    let mut found = BTreeSet::new();
    for item in items {
        if !matches!(item, Item::Use(_)) {
            all(item.to_token_stream(), &mut found);
        }
    }
    found
}

/// The crates that a file's imports name.
pub(super) fn crates(items: &[Item]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in items {
        let Item::Use(item) = item else { continue };
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        found.extend(
            leaves
                .into_iter()
                .filter_map(|leaf| leaf.path.into_iter().next()),
        );
    }
    found
}

fn flatten(tree: &UseTree, before: &mut Vec<String>, into: &mut Vec<Leaf>) {
    let with = |ident: &proc_macro2::Ident, before: &[String]| {
        let mut path = before.to_vec();
        if *ident != "self" || path.is_empty() {
            path.push(ident.to_string());
        }
        path
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, into);
            before.pop();
        }
        UseTree::Name(name) => into.push(Leaf {
            path: with(&name.ident, before),
            rename: None,
            glob: false,
        }),
        UseTree::Rename(rename) => into.push(Leaf {
            path: with(&rename.ident, before),
            rename: Some(rename.rename.to_string()),
            glob: false,
        }),
        UseTree::Glob(_) => into.push(Leaf {
            path: before.clone(),
            rename: None,
            glob: true,
        }),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| flatten(tree, before, into)),
    }
}

/// The tree of some leaves, without `use`.
fn print(leaves: &BTreeSet<Leaf>) -> String {
    let views: Vec<(&[String], &Leaf)> = leaves
        .iter()
        .map(|leaf| (leaf.path.as_slice(), leaf))
        .collect();
    let parts = level(&views);
    parts.join(", ")
}

fn level(leaves: &[(&[String], &Leaf)]) -> Vec<String> {
    let mut groups: BTreeMap<&String, Vec<(&[String], &Leaf)>> = BTreeMap::new();
    for (path, leaf) in leaves {
        if let Some((first, rest)) = path.split_first() {
            groups.entry(first).or_default().push((rest, leaf));
        }
    }
    let ends = |leaf: &Leaf| match (&leaf.rename, leaf.glob) {
        (Some(rename), _) => format!(" as {rename}"),
        _ => String::new(),
    };
    let mut parts = Vec::new();
    for (name, inside) in groups {
        let mut inner = Vec::new();
        for (path, leaf) in &inside {
            if path.is_empty() {
                inner.push(if leaf.glob {
                    "*".to_owned()
                } else {
                    format!("self{}", ends(leaf))
                });
            }
        }
        let deeper: Vec<_> = inside
            .iter()
            .filter(|(path, _)| !path.is_empty())
            .copied()
            .collect();
        inner.extend(level(&deeper));
        parts.push(match inner.as_slice() {
            [one] if one == "self" => name.clone(),
            [one] if one.starts_with("self as ") => format!("{name}{}", &one["self".len()..]),
            [one] => format!("{name}::{one}"),
            several => format!("{name}::{{{}}}", several.join(", ")),
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_printed_as_they_were_read() {
        let check = |text: &str| {
            let item: ItemUse = syn::parse_str(text).unwrap();
            let mut leaves = Vec::new();
            flatten(&item.tree, &mut Vec::new(), &mut leaves);
            let leaves = leaves.into_iter().collect();
            assert_eq!(format!("use {};", print(&leaves)), text);
        };
        check("use axum::Json;");
        check("use a::{self, b::{C, d as e}, f::*};");
        check("use crate::payments::{self, Charge};");
        check("use tokio::sync::Mutex as AsyncMutex;");
    }
}
