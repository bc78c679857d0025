//! Finds the files of a crate, from its root along `mod` items, by rustc's rules.

use crate::error::environment;
use anyhow::Result;
use skylark_compiler::{Code, Diagnostic, Level, SourceFile, SourceSpan};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};
use syn::{
    Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta, ext::IdentExt as _, spanned::Spanned as _,
};

/// The files of a crate, in the order in which rustc would meet them, and what
/// is wrong with its `mod` items. A fault leaves out its file only; a file that
/// does not parse is there, for the compiler to say so.
#[derive(Debug, Default)]
pub struct Sources {
    /// The files. Their paths are relative to the current directory where they
    /// are inside it.
    pub files: Vec<SourceFile>,
    /// Modules without a file, or with two.
    pub faults: Vec<Diagnostic>,
}

impl Sources {
    /// Reads the crate `library` whose root (`src/lib.rs`) is `root`.
    ///
    /// # Errors
    /// The root cannot be read.
    pub fn read(root: &Path, library: &str) -> Result<Self> {
        Self::read_seen_from(root, library, &std::env::current_dir().unwrap_or_default())
    }

    /// As [`Sources::read`], with paths relative to `shown_from` where they are inside it.
    ///
    /// # Errors
    /// As there.
    pub fn read_seen_from(root: &Path, library: &str, shown_from: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root)
            .map_err(|error| environment(format!("cannot read {}: {error}", root.display())))?;
        let mut reader = Reader {
            sources: Self::default(),
            shown_from,
            open: Vec::new(),
        };
        let place = Place {
            path: root.to_owned(),
            module: library.to_owned(),
            children: root.parent().unwrap_or(Path::new("")).to_owned(),
        };
        reader.file(place, text);
        Ok(reader.sources)
    }
}

struct Reader<'a> {
    sources: Sources,
    shown_from: &'a Path,
    /// The files around the one that is being read.
    open: Vec<PathBuf>,
}

impl Reader<'_> {
    /// Takes a file, and reads those of its modules.
    fn file(&mut self, place: Place, text: String) {
        let shown = relative(&place.path, self.shown_from);
        let mut children = Vec::new();
        // Parsing is most of the work, and the compiler parses every file: here only those
        // that lead to others, which are few.
        if may_lead_on(&text)
            && let Ok(syntax) = syn::parse_file(&text)
        {
            let mut walk = Walk {
                shown_from: self.shown_from,
                shown: &shown,
                text: &text,
                place: &place,
                children: &mut children,
                faults: &mut self.sources.faults,
            };
            walk.items(&syntax.items, &place.module, &place.children, true);
        }
        self.open.push(place.path);
        self.sources.files.push(SourceFile {
            path: shown,
            module: place.module,
            text,
        });
        for (child, fault) in children {
            if self.open.contains(&child.path) {
                let message = format!("module `{}` includes itself", child.module);
                self.sources.faults.push(Diagnostic { message, ..fault });
                continue;
            }
            match std::fs::read_to_string(&child.path) {
                Ok(text) => self.file(child, text),
                Err(error) => {
                    let path = relative(&child.path, self.shown_from);
                    let message = format!("cannot read {path}: {error}");
                    self.sources.faults.push(Diagnostic { message, ..fault });
                }
            }
        }
        self.open.pop();
    }
}

/// Whether a text may have a `mod name;`. It may be in a comment or a text: who parses
/// knows.
fn may_lead_on(text: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices("mod").any(|(at, word)| {
        let rest = &text[at + word.len()..];
        let after = rest.trim_start();
        let name = after.trim_start_matches("r#");
        let end = name.trim_start_matches(part_of_name).trim_start();
        // A comment may stand on either side of the name.
        !text[..at].ends_with(part_of_name)
            && (after.len() < rest.len() || after.starts_with('/'))
            && (after.starts_with('/') || end.starts_with([';', '/']))
    })
}

/// A path as it is shown, seen from `from`.
fn relative(path: &Path, from: &Path) -> String {
    path.strip_prefix(from)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Where a file is, in the file system and among the modules.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// `app::billing`
    module: String,
    /// The directory of its modules' files.
    children: PathBuf,
}

/// The `mod` items of one file.
struct Walk<'a> {
    shown_from: &'a Path,
    /// The file, as it is shown.
    shown: &'a str,
    text: &'a str,
    place: &'a Place,
    children: &'a mut Vec<(Place, Diagnostic)>,
    faults: &'a mut Vec<Diagnostic>,
}

impl Walk<'_> {
    /// `directory` is where files of the modules among `items` are, `top`
    /// whether these are the items of the file itself.
    fn items(&mut self, items: &[Item], module: &str, directory: &Path, top: bool) {
        for item in items {
            let Item::Mod(item) = item else { continue };
            if is_for_tests(&item.attrs) {
                continue;
            }
            let name = item.ident.unraw().to_string();
            let inner = format!("{module}::{name}");
            let path = path_attribute(&item.attrs);
            match &item.content {
                Some((_, items)) => {
                    let directory = match path {
                        Some(path) => self.start_of_path(directory, top).join(path),
                        None => directory.join(name),
                    };
                    self.items(items, &inner, &directory, false);
                }
                None => self.declared(item, &name, path, inner, directory, top),
            }
        }
    }

    /// What `#[path]` is relative to: the file's own directory at the top of a
    /// file, the directory of the module's files in an inline module.
    fn start_of_path<'d>(&'d self, directory: &'d Path, top: bool) -> &'d Path {
        if top {
            self.place.path.parent().unwrap_or(Path::new(""))
        } else {
            directory
        }
    }

    /// `mod name;`
    fn declared(
        &mut self,
        item: &ItemMod,
        name: &str,
        path: Option<PathBuf>,
        module: String,
        directory: &Path,
        top: bool,
    ) {
        let fault = Diagnostic {
            code: Code::Source,
            level: Level::Error,
            message: String::new(),
            file: self.shown.to_owned(),
            span: span(self.text, item.span().byte_range()),
            label: String::new(),
            labels: Vec::new(),
            help: Vec::new(),
            suggestion: None,
        };
        if let Some(path) = path {
            let path = self.start_of_path(directory, top).join(path);
            let children = path.parent().unwrap_or(Path::new("")).to_owned();
            self.children.push((
                Place {
                    path,
                    module,
                    children,
                },
                fault,
            ));
            return;
        }
        let flat = directory.join(format!("{name}.rs"));
        let nested = directory.join(name).join("mod.rs");
        let children = directory.join(name);
        let [shown_flat, shown_nested] =
            [&flat, &nested].map(|path| relative(path, self.shown_from));
        let path = match (flat.is_file(), nested.is_file()) {
            (true, false) => flat,
            (false, true) => nested,
            (true, true) => {
                self.faults.push(Diagnostic {
                    message: format!(
                        "file for module `{name}` found at both {shown_flat} and {shown_nested}"
                    ),
                    help: vec!["delete or rename one of them".into()],
                    ..fault
                });
                return;
            }
            // It may be of another target, or its path of a `cfg_attr`: rustc
            // knows whether it is needed.
            (false, false) if item.attrs.iter().any(is_conditional) => return,
            (false, false) => {
                self.faults.push(Diagnostic {
                    message: format!("no file for module `{name}`"),
                    help: vec![format!("create {shown_flat} or {shown_nested}")],
                    ..fault
                });
                return;
            }
        };
        self.children.push((
            Place {
                path,
                module,
                children,
            },
            fault,
        ));
    }
}

/// The value of `#[path = "…"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<PathBuf> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(path),
                    ..
                }) => Some(path.value().into()),
                _ => None,
            },
            _ => None,
        })
}

/// `#[cfg(test)]`: no part of the app.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

fn is_conditional(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}

/// A place in a text. syn leaves a byte order mark and a `#!` line out of account.
fn span(text: &str, at: Range<usize>) -> SourceSpan {
    let (line, column) = line_column(text, at.start);
    SourceSpan {
        start: at.start,
        end: at.end,
        line,
        column,
    }
}

/// From 1 both; columns are characters.
fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[start..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a crate made of `files`; gives what was found as `module file` and
    /// `file:line:column [text] message` lines.
    fn walk(files: &[(&str, &str)]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = directory.path().join("src/lib.rs");
        let sources = Sources::read_seen_from(&root, "app", directory.path()).unwrap();
        let text = |path: &str| &sources.files.iter().find(|f| f.path == path).unwrap().text;
        let files = sources
            .files
            .iter()
            .map(|f| format!("{} {}", f.module, f.path));
        let faults = sources.faults.iter().map(|f| {
            let at = &text(&f.file)[f.span.start..f.span.end];
            format!(
                "{}:{}:{} [{at}] {}",
                f.file, f.span.line, f.span.column, f.message
            )
        });
        let root = format!("{}/", directory.path().display());
        files
            .chain(faults)
            .map(|line| line.replace(&root, ""))
            .collect()
    }

    #[test]
    fn modules_are_found_where_rustc_finds_them() {
        let check = |files: &[(&str, &str)], wanted: &[&str]| assert_eq!(walk(files), wanted);
        check(&[("src/lib.rs", "fn f() {}")], &["app src/lib.rs"]);
        check(
            &[
                ("src/lib.rs", "mod a; mod b;"),
                ("src/a.rs", "mod c;"),
                ("src/a/c.rs", ""),
                ("src/b/mod.rs", "mod d;"),
                ("src/b/d.rs", ""),
            ],
            &[
                "app src/lib.rs",
                "app::a src/a.rs",
                "app::a::c src/a/c.rs",
                "app::b src/b/mod.rs",
                "app::b::d src/b/d.rs",
            ],
        );
        // Inline modules are directories.
        check(
            &[
                ("src/lib.rs", "mod a { mod b; } mod c;"),
                ("src/a/b.rs", ""),
                ("src/c.rs", "mod d { mod e; }"),
                ("src/c/d/e.rs", ""),
            ],
            &[
                "app src/lib.rs",
                "app::a::b src/a/b.rs",
                "app::c src/c.rs",
                "app::c::d::e src/c/d/e.rs",
            ],
        );
        // #[path] at the top of files that do and do not stand for their directory.
        check(
            &[
                ("src/lib.rs", "#[path = \"x/y.rs\"] mod a; mod b;"),
                ("src/x/y.rs", "mod z;"),
                ("src/x/z.rs", ""),
                ("src/b.rs", "#[path = \"other.rs\"] mod c;"),
                ("src/other.rs", ""),
            ],
            &[
                "app src/lib.rs",
                "app::a src/x/y.rs",
                "app::a::z src/x/z.rs",
                "app::b src/b.rs",
                "app::b::c src/other.rs",
            ],
        );
        // #[path] in and on inline modules.
        check(
            &[
                ("src/lib.rs", "mod b; #[path = \"files\"] mod t { mod l; }"),
                ("src/files/l.rs", ""),
                ("src/b.rs", "mod i { #[path = \"o.rs\"] mod c; }"),
                ("src/b/i/o.rs", ""),
            ],
            &[
                "app src/lib.rs",
                "app::b src/b.rs",
                "app::b::i::c src/b/i/o.rs",
                "app::t::l src/files/l.rs",
            ],
        );
        // Raw names, tests, and modules that may not be there.
        check(
            &[
                (
                    "src/lib.rs",
                    "mod r#match; #[cfg(test)] mod tests; #[cfg(windows)] mod windows;",
                ),
                ("src/match.rs", ""),
            ],
            &["app src/lib.rs", "app::match src/match.rs"],
        );
    }

    #[test]
    fn only_what_may_lead_on_is_parsed() {
        for (text, wanted) in [
            ("mod a;", true),
            ("pub(crate) mod\n  r#match ;", true),
            ("mod/* the */a;", true),
            ("mod a // the\n;", true),
            ("fn f() {}\nmod ä;", true),
            ("// no mod a; here", true),
            ("#[cfg(test)]\nmod tests {\n}", false),
            ("use a::modes;\nfn modify() {}", false),
            ("let mode; remod a;", false),
            ("mod", false),
        ] {
            assert_eq!(may_lead_on(text), wanted, "{text}");
        }
    }

    #[test]
    fn faults_leave_the_rest() {
        let check = |files: &[(&str, &str)], wanted: &[&str]| assert_eq!(walk(files), wanted);
        check(
            &[("src/lib.rs", "// ä\nmod a;\nmod b;"), ("src/b.rs", "")],
            &[
                "app src/lib.rs",
                "app::b src/b.rs",
                "src/lib.rs:2:1 [mod a;] no file for module `a`",
            ],
        );
        check(
            &[
                ("src/lib.rs", "mod a;"),
                ("src/a.rs", ""),
                ("src/a/mod.rs", ""),
            ],
            &[
                "app src/lib.rs",
                "src/lib.rs:1:1 [mod a;] file for module `a` found at both src/a.rs and src/a/mod.rs",
            ],
        );
        check(
            &[
                ("src/lib.rs", "mod a; mod b;"),
                ("src/a.rs", "fn ä( {"),
                ("src/b.rs", ""),
            ],
            &["app src/lib.rs", "app::a src/a.rs", "app::b src/b.rs"],
        );
        check(
            &[("src/lib.rs", "#[path = \"lib.rs\"] mod a;")],
            &[
                "app src/lib.rs",
                "src/lib.rs:1:1 [#[path = \"lib.rs\"] mod a;] module `app::a` includes itself",
            ],
        );
    }
}
