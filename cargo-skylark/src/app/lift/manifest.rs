//! Cargo.toml of a lifted crate.

use crate::app::new::Origin;
use anyhow::{Context as _, Result};
use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

/// Packages that serve requests: a function has no use for them.
pub(super) const SERVERS: &[&str] = &[
    "axum",
    "axum-extra",
    "http",
    "hyper",
    "hyper-util",
    "once_cell",
    "tokio",
    "tower",
    "tower-http",
];

/// What changes.
pub(super) struct Edit<'a> {
    /// Another name for the package.
    pub(super) name: Option<&'a str>,
    /// Every crate that the sources name.
    pub(super) mentions: &'a mut BTreeSet<String>,
    /// The dependency on Skylark.
    pub(super) skylark: InlineTable,
}

/// Where Skylark is, seen from the package in `home`: a relative path if both are in
/// one checkout.
pub(super) fn skylark(origin: &Origin, home: &Path) -> InlineTable {
    let mut table = origin.dependency();
    if let Origin::Checkout(checkout) = origin
        && let Some(path) = relative(&checkout.join("skylark-rt"), home, checkout)
    {
        table.insert("path", path.into());
    }
    table
}

/// `to` as seen from `from`, if that is inside `root`.
fn relative(to: &Path, from: &Path, root: &Path) -> Option<String> {
    let from = absolute(from);
    let inside = from.strip_prefix(absolute(root)).ok()?;
    let mut path = PathBuf::new();
    for _ in inside.components() {
        path.push("..");
    }
    path.push(to.strip_prefix(root).ok()?);
    Some(path.display().to_string())
}

/// Without `.` and `..`, whether it is there or not.
fn absolute(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::ParentDir => drop(path.pop()),
            part => path.push(part),
        }
        path
    })
}

/// Edits Cargo.toml: the library is a module, Skylark is there, servers are not.
pub(super) fn edit(text: &str, edit: Edit<'_>) -> Result<String> {
    let mut manifest: DocumentMut = text.parse().context("Cargo.toml is no TOML")?;
    let package = manifest["package"].or_insert(Item::Table(Table::new()));
    if let Some(package) = package.as_table_mut() {
        package.remove("default-run");
    }
    manifest.remove("bin");
    let library = manifest.entry("lib").or_insert(Item::Table(Table::new()));
    let mut types = Array::new();
    types.extend(["cdylib", "rlib"]);
    library["crate-type"] = value(types);
    if let Some(name) = edit.name {
        manifest["package"]["name"] = value(name);
    }
    for section in ["dependencies", "dev-dependencies"] {
        let Some(table) = manifest.get_mut(section).and_then(Item::as_table_like_mut) else {
            continue;
        };
        let used = |name: &str| edit.mentions.contains(&name.replace('-', "_"));
        let unused: Vec<String> = table
            .iter()
            .map(|(name, _)| name.to_owned())
            .filter(|name| SERVERS.contains(&name.as_str()) && !used(name))
            .collect();
        for name in unused {
            table.remove(&name);
        }
    }
    let dependencies = manifest
        .entry("dependencies")
        .or_insert(Item::Table(Table::new()));
    if dependencies.get("serde").is_none() && edit.mentions.contains("serde") {
        let mut serde = InlineTable::new();
        serde.insert("version", "1".into());
        serde.insert("features", Value::Array(Array::from_iter(["derive"])));
        dependencies["serde"] = value(serde);
    }
    let mut skylark = edit.skylark;
    let thrift = dependencies
        .as_table_like_mut()
        .and_then(|all| all.get_mut("thrift"));
    if let Some(thrift) = thrift {
        // Its servers have threads, which a guest has not.
        let mut table = match thrift.as_value() {
            Some(Value::InlineTable(table)) => table.clone(),
            Some(version) => InlineTable::from_iter([("version", version.clone())]),
            None => InlineTable::new(),
        };
        table.insert("default-features", false.into());
        *thrift = value(table);
        skylark.insert("features", Value::Array(Array::from_iter(["thrift"])));
    }
    dependencies["skylark"] = value(skylark);
    Ok(manifest.to_string())
}
