//! `cargo skylark lift`: an ordinary service becomes an annotated crate.
//!
//! ```text
//! files ─ krate ─► items and names ─ plan ─► what becomes what ─ body, signature, items ─► edits ─ imports ─► files
//! ```
//!
//! The text is spliced, not printed: what is not touched stays as it was written. What
//! lift knows of crates outside is data ([`rules`]). What it cannot decide it asks, in a
//! comment and in the report; it never guesses silently.

mod answers;
mod body;
mod calls;
mod cells;
mod comments;
mod edit;
mod globals;
mod guards;
mod imports;
mod inside;
mod items;
mod krate;
mod names;
mod out;
mod plan;
mod prefix;
mod receivers;
mod report;
mod requests;
mod routes;
mod rules;
mod shared;
mod signature;
mod skipped;
mod spawned;
mod startup;
mod tested;
mod thrift;
mod untouched;
mod values;
mod waits;

pub use report::{Decision, Kind, Question, Report};

use crate::{
    Ctx,
    read::krate::{SourceFile, read},
};
use krate::Krate;
use out::Out;
use plan::Plan;
use std::collections::BTreeSet;

/// The type of refusals, in a file of its own.
const REFUSED: &str = include_str!("refused.rs.in");

/// A crate, lifted.
#[derive(Debug, Clone)]
pub struct Lifted {
    /// Its files, in the order in which they were given; new ones come last.
    pub files: Vec<LiftedFile>,
    /// What was decided and what is asked.
    pub report: Report,
    /// Crates and other names that the sources still mention: what is not among them
    /// is not used.
    pub mentions: BTreeSet<String>,
}

/// A file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiftedFile {
    /// Its path, as it was given.
    pub path: String,
    /// What it was; `None` of a new one.
    pub before: Option<String>,
    /// What it is; `None` if it goes.
    pub after: Option<String>,
}

/// Lifts the crate of these files, the first of which is its root.
///
/// # Errors
/// A file is no Rust: its path, and rustc's kind of message.
pub fn lift(files: &[SourceFile]) -> Result<Lifted, String> {
    for file in files {
        file.parse().map_err(|error| {
            let at = file.locate(error.span());
            format!("{}:{}:{}: {error}", file.path, at.line, at.column)
        })?;
    }
    let model = read(files.to_vec(), &Ctx::default());
    let krate = Krate::new(&model);
    let mut asked = Vec::new();
    let plan = Plan::new(&krate, &mut asked);
    let mut out = Out::new(&krate, &plan, asked);
    items::write(&mut out);
    for (path, function) in &krate.functions {
        let answers =
            function.of_trait.as_deref().and_then(rules::role) == Some(rules::Role::Response);
        if !plan.removed.contains_key(path) && !plan.untouched.contains(path) && !answers {
            signature::write(&mut out, path, function);
            body::write(&mut out, function);
        }
    }
    thrift::write(&mut out);
    values::derive(&mut out);
    out.finish();
    Ok(finish(files, &krate, out))
}

fn finish(files: &[SourceFile], krate: &Krate<'_>, mut out: Out<'_, '_>) -> Lifted {
    let root = files.first().map_or("", |file| file.module.as_str());
    if out.refuses {
        declare_refused(&mut out, krate);
    }
    let empty = BTreeSet::new();
    let mut lifted = Vec::new();
    let mut mentions = BTreeSet::new();
    for (index, file) in files.iter().enumerate() {
        let spliced = out
            .edits
            .apply(index, &file.text)
            .unwrap_or_else(|| file.text.clone());
        let tidy = imports::Imports {
            names: &krate.names,
            root,
            add: out.imports.get(&index).unwrap_or(&empty),
            gone: &out.gone,
        };
        let after = imports::write(file, &spliced, &tidy).unwrap_or(spliced);
        if let Ok(syntax) = syn::parse_file(&after) {
            mentions.extend(imports::mentioned(&syntax.items));
            mentions.extend(imports::crates(&syntax.items));
        }
        lifted.extend(placed(file, after, index == 0));
    }
    if out.refuses {
        let folder = files.first().and_then(|file| file.path.rsplit_once('/'));
        let file = format!("{}.rs", out.refusal.module);
        let path = folder.map_or(file.clone(), |(folder, _)| format!("{folder}/{file}"));
        lifted.push(LiftedFile {
            path,
            before: None,
            after: Some(REFUSED.replace("Refused", out.refusal.name)),
        });
    }
    Lifted {
        files: lifted,
        report: out.report.sorted(),
        mentions,
    }
}

/// A program's root becomes a library's.
fn placed(file: &SourceFile, after: String, is_root: bool) -> Vec<LiftedFile> {
    let own = |path: String, before, after| LiftedFile {
        path,
        before,
        after,
    };
    match file.path.strip_suffix("main.rs") {
        Some(folder) if is_root => vec![
            own(file.path.clone(), Some(file.text.clone()), None),
            own(format!("{folder}lib.rs"), None, Some(after)),
        ],
        _ => vec![own(file.path.clone(), Some(file.text.clone()), Some(after))],
    }
}

/// `pub mod refused;` among the modules of the root.
fn declare_refused(out: &mut Out<'_, '_>, krate: &Krate<'_>) {
    use syn::spanned::Spanned as _;
    let Some(file) = krate.files.first() else {
        return;
    };
    let is_module = |item: &&syn::Item| matches!(item, syn::Item::Mod(_));
    let items = &file.syntax.file.items;
    let module = items.iter().find(is_module);
    let before = module.or_else(|| items.first());
    let at = before.map_or(file.source.text.len(), |item| {
        krate.range(0, item.span()).start
    });
    let blank = if module.is_some() { "" } else { "\n" };
    out.edits
        .insert(0, at, format!("pub mod {};\n{blank}", out.refusal.module));
    out.report.decide(
        report::Kind::Error,
        (
            krate,
            &krate::Place {
                file: 0,
                module: file.source.module.clone(),
            },
            proc_macro2::Span::call_site(),
        ),
        "status codes of refusals",
        format!("{}::{}", out.refusal.module, out.refusal.name),
        "a function refuses with a text, so the status stands in it: `404: there is no order 7`",
    );
}
