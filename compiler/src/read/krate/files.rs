//! Files of a crate and places in them.

use crate::check::code::{Code, Diagnostic};
use proc_macro2::{Span, TokenStream};
use serde::Serialize;
use std::{
    ops::Range,
    path::{Path, PathBuf},
};
use syn::{Attribute, Item};

/// A source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// How people find it; shown in diagnostics.
    pub path: String,
    /// The Rust module that it is, with the crate's name: `app::billing`.
    pub module: String,
    /// What is in it.
    pub text: String,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SourceSpan {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte, in characters, from 1.
    pub column: usize,
}

impl SourceFile {
    /// Parses the file.
    ///
    /// # Errors
    /// It is no Rust; the span is in this file.
    pub(crate) fn parse(&self) -> syn::Result<syn::File> {
        let tokens: TokenStream =
            self.text[self.prefix()..]
                .parse()
                .map_err(|error: proc_macro2::LexError| {
                    let why = "this is no Rust: a bracket has no partner, or a literal is broken";
                    syn::Error::new(error.span(), why)
                })?;
        syn::parse2(tokens)
    }

    /// Bytes before the source proper: a byte order mark and a `#!` line.
    pub(crate) fn prefix(&self) -> usize {
        let mark = if self.text.starts_with('\u{feff}') {
            3
        } else {
            0
        };
        let rest = &self.text[mark..];
        let line = rest.starts_with("#!") && !rest[2..].trim_start().starts_with('[');
        let shebang = if line {
            rest.find('\n').unwrap_or(rest.len())
        } else {
            0
        };
        mark + shebang
    }

    /// Where `span`, of this file's tokens, is.
    pub(crate) fn locate(&self, span: Span) -> SourceSpan {
        let prefix = self.prefix();
        let Range { start, end } = span.byte_range();
        let (start, end) = (start + prefix, end + prefix);
        if start == end {
            // No tokens: the parser's own place for what is missing.
            return self.span(start..end);
        }
        // The parser knows where lines begin. What it was not shown is on the first.
        let at = span.start();
        let mark = usize::from(at.line == 1 && prefix > 0);
        SourceSpan {
            start,
            end,
            line: at.line,
            column: at.column + mark + 1,
        }
    }

    /// Bytes `range` as a place.
    pub(crate) fn span(&self, range: Range<usize>) -> SourceSpan {
        let start = range.start.min(self.text.len());
        let before = &self.text.as_bytes()[..start];
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |i| i + 1);
        let is_char_start = |b: &&u8| (**b & 0xc0) != 0x80;
        SourceSpan {
            start,
            end: range.end.clamp(start, self.text.len()),
            line: before.iter().filter(|b| **b == b'\n').count() + 1,
            column: before[line_start..].iter().filter(is_char_start).count() + 1,
        }
    }

    /// A diagnostic about this file.
    pub(crate) fn diagnostic(&self, code: Code, span: SourceSpan, message: String) -> Diagnostic {
        Diagnostic {
            code,
            level: code.level(),
            message,
            file: self.path.clone(),
            span,
            label: String::new(),
            labels: Vec::new(),
            help: Vec::new(),
            suggestion: None,
        }
    }
}

/// Finds the files of a crate from its root (`src/lib.rs`) by its `mod`
/// items, reading each through `read`. Modules under `#[cfg(test)]` are no
/// part of the app and are left out.
///
/// What could not be read comes back as diagnostics beside the files that could.
///
/// # Errors
/// The root itself cannot be read.
pub fn load(
    root: &Path,
    crate_name: &str,
    mut read: impl FnMut(&Path) -> std::io::Result<String>,
) -> std::io::Result<(Vec<SourceFile>, Vec<Diagnostic>)> {
    let text = read(root)?;
    let file = |path: &Path, module: String, text: String| SourceFile {
        path: path.display().to_string(),
        module,
        text,
    };
    let mut files = vec![file(root, crate_name.replace('-', "_"), text)];
    let mut folders = vec![root.parent().unwrap_or(Path::new("")).to_path_buf()];
    let mut diagnostics = Vec::new();
    let mut next = 0;
    // The list grows as files name others; it is its own queue.
    while let Some(current) = files.get(next).cloned() {
        let folder = folders[next].clone();
        next += 1;
        // What does not parse is reported when the crate is read.
        let Ok(parsed) = current.parse() else {
            continue;
        };
        let mut wanted = Vec::new();
        modules(
            &parsed.items,
            &current.module,
            &folder,
            Path::new(&current.path),
            &mut wanted,
        );
        for wanted in wanted {
            let found = wanted.candidates.iter().find_map(|(path, folder)| {
                let text = read(path).ok()?;
                Some((path, folder, text))
            });
            match found {
                Some((path, folder, text)) => {
                    files.push(file(path, wanted.module, text));
                    folders.push(folder.clone());
                }
                None if wanted.conditional => {}
                None => {
                    let tried: Vec<String> = wanted
                        .candidates
                        .iter()
                        .map(|(path, _)| format!("`{}`", path.display()))
                        .collect();
                    diagnostics.push(current.diagnostic(
                        Code::Source,
                        current.locate(wanted.span),
                        format!(
                            "module `{}` has no file; looked for {}",
                            wanted.module,
                            tried.join(" and ")
                        ),
                    ));
                }
            }
        }
    }
    Ok((files, diagnostics))
}

/// A `mod name;`.
struct Wanted {
    module: String,
    /// Files that it may be, each with the folder of its own modules.
    candidates: Vec<(PathBuf, PathBuf)>,
    /// Whether a `#[cfg]` may leave it out.
    conditional: bool,
    span: Span,
}

fn modules(items: &[Item], module: &str, folder: &Path, file: &Path, wanted: &mut Vec<Wanted>) {
    for item in items {
        let Item::Mod(item) = item else { continue };
        if is_test(&item.attrs) {
            continue;
        }
        let name = crate::read::plain(&item.ident);
        let inner = format!("{module}::{name}");
        let explicit = item.attrs.iter().find_map(path_attribute);
        if let Some((_, items)) = &item.content {
            modules(
                items,
                &inner,
                &folder.join(explicit.as_deref().unwrap_or(&name)),
                file,
                wanted,
            );
            continue;
        }
        let candidates = match explicit {
            Some(path) => {
                let path = file.parent().unwrap_or(Path::new("")).join(path);
                let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
                vec![(path, folder)]
            }
            None => vec![
                (folder.join(format!("{name}.rs")), folder.join(&name)),
                (folder.join(&name).join("mod.rs"), folder.join(&name)),
            ],
        };
        wanted.push(Wanted {
            module: inner,
            candidates,
            conditional: item.attrs.iter().any(|a| a.path().is_ident("cfg")),
            span: item.ident.span(),
        });
    }
}

/// Whether an item is there only when tests are built.
pub(crate) fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg")
            && attr
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn path_attribute(attr: &Attribute) -> Option<String> {
    let meta = attr.meta.require_name_value().ok()?;
    match &meta.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(path),
            ..
        }) if meta.path.is_ident("path") => Some(path.value()),
        _ => None,
    }
}
