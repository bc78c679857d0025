//! A package's manifest, changed so that it says everything itself: what it
//! inherits from its workspace is written into it, and paths lead from its new place.

use anyhow::{Context as _, Result};
use std::path::{Component, Path, PathBuf};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value, value};

const HEADER: &str = "\
# Emitted by `cargo skylark emit`: the crate with Skylark's annotations expanded. It builds
# on its own; to change it, change what it was emitted from.

";

/// What is generated is not held to the app's lints, which macros are not either.
const ALLOWED: [&str; 2] = ["unused_imports", "unreachable_pub"];

/// Manifests and where they are.
#[derive(Debug, Clone, Copy)]
pub struct Manifests<'a> {
    /// The package's manifest.
    pub package: &'a str,
    /// The manifest of its workspace's root, which may be the same.
    pub root: &'a str,
    /// The package's directory.
    pub package_directory: &'a Path,
    /// The workspace's.
    pub root_directory: &'a Path,
}

impl Manifests<'_> {
    /// The manifest for a copy of the package in the directory `new`. All directories
    /// are absolute.
    ///
    /// # Errors
    /// A manifest is no TOML, or names what its workspace does not have.
    pub fn standalone(&self, new: &Path) -> Result<String> {
        let mut package: DocumentMut = self.package.parse().context("Cargo.toml is no TOML")?;
        let root: DocumentMut = self
            .root
            .parse()
            .context("the workspace's Cargo.toml is no TOML")?;
        let is_root = self.package_directory == self.root_directory;
        let inherited = root.get("workspace").and_then(Item::as_table_like);
        let places = Places {
            package: self.package_directory,
            root: self.root_directory,
            new,
        };
        if let Some(about) = package.get_mut("package").and_then(Item::as_table_like_mut) {
            of_package(about, inherited, &places)?;
        }
        dependencies(package.as_table_mut(), inherited, &places)?;
        if let Some(targets) = package.get_mut("target").and_then(Item::as_table_like_mut) {
            for (_, target) in targets.iter_mut() {
                if let Some(target) = target.as_table_like_mut() {
                    dependencies(target, inherited, &places)?;
                }
            }
        }
        let mut rust = Table::new();
        for lint in ALLOWED {
            rust.insert(lint, value("allow"));
        }
        let mut lints = Table::new();
        lints.set_implicit(true);
        lints.insert("rust", Item::Table(rust));
        package.insert("lints", Item::Table(lints));
        let mut workspace = Table::new();
        if let Some(resolver) = inherited.and_then(|i| i.get("resolver")) {
            workspace.insert("resolver", resolver.clone());
        }
        package.insert("workspace", Item::Table(workspace));
        // Cargo heeds these only at the root.
        for name in ["profile", "patch"] {
            let Some(item) = root.get(name) else { continue };
            let mut item = item.clone();
            if name == "patch" {
                for_each_path(&mut item, &|path| places.moved(places.root, path));
            }
            if name == "profile" {
                of_any_package(&mut item);
            }
            if !is_root || name == "patch" {
                package.insert(name, item);
            }
        }
        Ok(format!("{HEADER}{}", package.to_string().trim_start()))
    }
}

struct Places<'a> {
    package: &'a Path,
    root: &'a Path,
    new: &'a Path,
}

impl Places<'_> {
    /// `path`, seen from `base` so far, seen from the new directory.
    fn moved(&self, base: &Path, path: &str) -> String {
        let moved = between(self.new, &normal(&base.join(path)));
        // Cargo reads `/` everywhere.
        moved.to_string_lossy().replace('\\', "/")
    }
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

/// The way from one absolute directory to a path.
fn between(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components());
    let common = common.take_while(|(a, b)| a == b).count();
    if common == 0 {
        return to.to_owned();
    }
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(common)).collect();
    if way.as_os_str().is_empty() {
        ".".into()
    } else {
        way
    }
}

fn inherits(item: &Item) -> bool {
    let table = item.as_table_like();
    let flag = table
        .and_then(|table| table.get("workspace"))
        .and_then(Item::as_bool);
    flag == Some(true)
}

/// What `[package]` inherits.
fn of_package(
    about: &mut dyn TableLike,
    inherited: Option<&dyn TableLike>,
    places: &Places<'_>,
) -> Result<()> {
    let shared = inherited
        .and_then(|i| i.get("package"))
        .and_then(Item::as_table_like);
    for (key, item) in about.iter_mut() {
        if inherits(item) {
            let found = shared.and_then(|shared| shared.get(&key));
            *item = found
                .with_context(|| format!("the workspace has no `package.{}`", key.get()))?
                .clone();
            if matches!(key.get(), "readme" | "license-file")
                && let Some(path) = item.as_str()
            {
                *item = value(places.moved(places.root, path));
            }
        }
    }
    Ok(())
}

/// What the tables of dependencies in `table` inherit, and where theirs are.
fn dependencies(
    table: &mut dyn TableLike,
    inherited: Option<&dyn TableLike>,
    places: &Places<'_>,
) -> Result<()> {
    let shared = inherited
        .and_then(|i| i.get("dependencies"))
        .and_then(Item::as_table_like);
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(all) = table.get_mut(kind).and_then(Item::as_table_like_mut) else {
            continue;
        };
        for (name, item) in all.iter_mut() {
            let base = if inherits(item) {
                let shared = shared
                    .and_then(|shared| shared.get(&name))
                    .with_context(|| format!("the workspace has no dependency `{}`", name.get()))?;
                *item = merged(shared, item);
                places.root
            } else {
                places.package
            };
            if let Some(table) = item.as_table_like_mut()
                && let Some(path) = table.get("path").and_then(Item::as_str)
            {
                let moved = places.moved(base, path);
                table.insert("path", value(moved));
            }
        }
    }
    Ok(())
}

/// A workspace's dependency with what a package adds to it.
fn merged(shared: &Item, own: &Item) -> Item {
    let mut out = toml_edit::InlineTable::new();
    if let Some(version) = shared.as_str() {
        out.insert("version", version.into());
    }
    let entries = shared
        .as_table_like()
        .into_iter()
        .flat_map(|table| table.iter());
    for (key, item) in entries {
        if let Some(value) = item.as_value() {
            out.insert(key, value.clone().decorated(" ", ""));
        }
    }
    let own = own
        .as_table_like()
        .into_iter()
        .flat_map(|table| table.iter());
    for (key, item) in own {
        match (key, item.as_value()) {
            ("workspace", _) | (_, None) => {}
            ("features", Some(Value::Array(added))) => {
                let mut all = match out.get("features") {
                    Some(Value::Array(shared)) => shared.clone(),
                    _ => Array::new(),
                };
                all.extend(added.iter().cloned());
                all.fmt();
                out.insert("features", Value::Array(all));
            }
            (key, Some(value)) => {
                out.insert(key, value.clone());
            }
        }
    }
    out.fmt();
    match (out.len(), out.get("version")) {
        (1, Some(version)) => value(version.clone().decorated(" ", "")),
        _ => value(out),
    }
}

/// Leaves in profiles what is said of any package: cargo warns of those that are named
/// and are none that this one depends on.
fn of_any_package(profiles: &mut Item) {
    let profiles = profiles.as_table_like_mut().into_iter();
    for (_, profile) in profiles.flat_map(TableLike::iter_mut) {
        let Some(profile) = profile.as_table_like_mut() else {
            continue;
        };
        let Some(packages) = profile.get_mut("package").and_then(Item::as_table_like_mut) else {
            continue;
        };
        let named: Vec<String> = packages.iter().map(|(name, _)| name.to_owned()).collect();
        for name in named.iter().filter(|name| *name != "*") {
            packages.remove(name);
        }
        if packages.is_empty() {
            profile.remove("package");
        }
    }
}

/// Changes every `path` in an item.
fn for_each_path(item: &mut Item, change: &dyn Fn(&str) -> String) {
    let Some(table) = item.as_table_like_mut() else {
        return;
    };
    if let Some(path) = table.get("path").and_then(Item::as_str) {
        let path = change(path);
        table.insert("path", value(path));
    }
    for (_, item) in table.iter_mut() {
        for_each_path(item, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_inherited_is_there() {
        let root = r#"
[workspace]
resolver = "3"
members = ["apps/*"]
package.version = "1.2.3"
package.readme = "README.md"
[workspace.dependencies]
skylark = { path = "rt", package = "skylark-rt", features = ["a"] }
serde = "1"
log = { version = "0.4", default-features = false }
[workspace.lints.rust]
missing_docs = "deny"
[profile.release]
opt-level = "s"
[profile.release.package]
wasmtime = { opt-level = 2 }
"*" = { opt-level = 3 }
[patch.crates-io]
log = { path = "vendor/log" }
"#;
        let package = r#"
# The app.
[package]
name = "app"
version.workspace = true
readme.workspace = true

[dependencies]
skylark = { workspace = true, features = ["b"] } # the runtime
serde.workspace = true
log = { workspace = true, optional = true }
own = { path = "../own" }

[target.'cfg(unix)'.dev-dependencies]
serde.workspace = true

[lints]
workspace = true
"#;
        let manifests = Manifests {
            package,
            root,
            package_directory: Path::new("/w/apps/app"),
            root_directory: Path::new("/w"),
        };
        let out = manifests.standalone(Path::new("/w/target/app")).unwrap();
        insta::assert_snapshot!(out);
        // Every dependency on this machine is found from there.
        for path in ["../../rt", "../../apps/own", "../../vendor/log"] {
            assert!(out.contains(&format!("path = \"{path}\"")), "{path}: {out}");
        }
        let missing = Manifests {
            root: "[workspace]",
            ..manifests
        };
        let error = missing.standalone(Path::new("/x")).unwrap_err().to_string();
        assert_eq!(error, "the workspace has no `package.version`");
    }

    #[test]
    fn the_way_from_here_to_there() {
        let check = |from: &str, to: &str, wanted: &str| {
            assert_eq!(
                between(Path::new(from), &normal(Path::new(to))),
                Path::new(wanted)
            );
        };
        check("/a/b", "/a/c", "../c");
        check("/a/b", "/a/b/../d/./e", "../d/e");
        check("/a", "/a", ".");
    }
}
