//! Makes a new app from the templates.

use crate::error::{environment, usage};
use anyhow::{Context as _, Result};
use skylark_abi::names;
use std::path::{Path, PathBuf};
use toml_edit::{DocumentMut, InlineTable, Table, value};

const MANIFEST: &str = include_str!("../../templates/Cargo.toml");
const LIBRARY: &str = include_str!("../../templates/lib.rs");
const README: &str = include_str!("../../templates/README.md");
const IGNORE: &str = include_str!("../../templates/gitignore");

/// Where an app takes Skylark from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A checkout.
    Checkout(PathBuf),
    /// The repository.
    Git(&'static str),
}

impl Origin {
    /// The checkout that was asked for; else the one that this command was built
    /// from, if it is still there; else the repository.
    ///
    /// # Errors
    /// What was asked for is no checkout of Skylark.
    pub fn find(asked: Option<&Path>) -> Result<Self> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        match (asked, built_from) {
            (Some(asked), _) => {
                let checkout = asked
                    .canonicalize()
                    .with_context(|| format!("cannot find {}", asked.display()))?;
                if !is_checkout(&checkout) {
                    return Err(usage(format!(
                        "{} is no checkout of Skylark: it has no skylark-rt/Cargo.toml",
                        asked.display()
                    )));
                }
                Ok(Self::Checkout(checkout))
            }
            (None, Some(checkout)) if is_checkout(checkout) => Ok(Self::Checkout(checkout.into())),
            (None, _) => Ok(Self::Git(env!("CARGO_PKG_REPOSITORY"))),
        }
    }

    /// The line of Cargo.toml.
    pub(super) fn dependency(&self) -> InlineTable {
        let mut table = InlineTable::new();
        table.insert("package", "skylark-rt".into());
        match self {
            Self::Checkout(checkout) => {
                let path = checkout.join("skylark-rt");
                table.insert("path", path.to_string_lossy().as_ref().into());
            }
            Self::Git(repository) => {
                table.insert("git", (*repository).into());
            }
        }
        table
    }
}

fn is_checkout(directory: &Path) -> bool {
    directory.join("skylark-rt/Cargo.toml").is_file()
}

/// Makes the app in the new directory `path`, named by its last part. Returns
/// the name and the files written.
///
/// # Errors
/// The name cannot be an app's, the directory exists and is not empty, or a
/// file cannot be written.
pub fn create(path: &Path, origin: &Origin) -> Result<(String, Vec<PathBuf>)> {
    let name = app_name(path)?;
    if path
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(usage(format!(
            "{} is there already and not empty; choose another name",
            path.display()
        )));
    }
    let files = [
        ("Cargo.toml", manifest(&name, path, origin)?),
        ("src/lib.rs", LIBRARY.to_owned()),
        ("README.md", README.replace("{{name}}", &name)),
        (".gitignore", IGNORE.to_owned()),
    ];
    let mut written = Vec::new();
    for (file, text) in files {
        let file = path.join(file);
        let context = || environment(format!("cannot write {}", file.display()));
        std::fs::create_dir_all(file.parent().unwrap_or(path)).with_context(context)?;
        std::fs::write(&file, text).with_context(context)?;
        written.push(file);
    }
    Ok((name, written))
}

/// The last part of the path, if it can be the name of a package and an app.
pub(super) fn app_name(path: &Path) -> Result<String> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| usage(format!("{} has no last part", path.display())))?;
    // Names of crates that the app would then clash with, or that rustc refuses.
    let taken = [
        "skylark",
        "std",
        "core",
        "alloc",
        "test",
        "serde",
        "proc_macro",
    ];
    if !names::is_valid_name(&name) {
        return Err(usage(format!(
            "`{name}` cannot name an app: letters, digits, `_` and `-`, not starting with a digit, at most {} bytes",
            names::MAX_NAME
        )));
    }
    if taken.contains(&name.as_str())
        || syn::parse_str::<syn::Ident>(&name.replace('-', "_")).is_err()
    {
        return Err(usage(format!(
            "`{name}` is taken by Rust or by Skylark; choose another name"
        )));
    }
    Ok(name)
}

fn manifest(name: &str, path: &Path, origin: &Origin) -> Result<String> {
    let mut document: DocumentMut = MANIFEST.parse().context("the template is damaged")?;
    document["package"]["name"] = value(name);
    document["dependencies"]["skylark"] = value(origin.dependency());
    // In a directory of someone's workspace the app is a workspace of its own;
    // cargo would refuse it otherwise.
    if inside_workspace(path) {
        document.insert("workspace", Table::new().into());
    }
    Ok(document.to_string())
}

fn inside_workspace(path: &Path) -> bool {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors()
        .skip(1)
        .any(|directory| directory.join("Cargo.toml").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let check =
            |path: &str, wanted: Result<&str, &str>| match (app_name(Path::new(path)), wanted) {
                (Ok(name), Ok(wanted)) => assert_eq!(name, wanted),
                (Err(error), Err(wanted)) => assert!(error.to_string().contains(wanted), "{error}"),
                (got, _) => panic!("{path}: {got:?}"),
            };
        check("apps/greeter", Ok("greeter"));
        check("fire-alarm", Ok("fire-alarm"));
        check("4ever", Err("not starting with a digit"));
        check("a b", Err("letters, digits"));
        check("match", Err("taken"));
        check("skylark", Err("taken"));
        check("..", Err("no last part"));
    }

    #[test]
    fn the_manifest_says_where_skylark_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("greeter");
        let origin = Origin::Checkout("/src/sky\"lark".into());
        let (name, files) = create(&path, &origin).unwrap();
        assert_eq!((name.as_str(), files.len()), ("greeter", 4));
        let text = std::fs::read_to_string(path.join("Cargo.toml")).unwrap();
        let document: DocumentMut = text.parse().unwrap();
        let skylark = &document["dependencies"]["skylark"];
        assert_eq!(skylark["path"].as_str(), Some("/src/sky\"lark/skylark-rt"));
        assert_eq!(document["package"]["name"].as_str(), Some("greeter"));
        assert!(!document.contains_key("workspace"));
        let error = create(&path, &origin).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
        let (_, files) = create(&path.join("inner"), &Origin::Git("https://example.org")).unwrap();
        let inner = std::fs::read_to_string(&files[0]).unwrap();
        assert!(
            inner.contains("[workspace]") && inner.contains("git = \"https://example.org\""),
            "{inner}"
        );
    }
}
