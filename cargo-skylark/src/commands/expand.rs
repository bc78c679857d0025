//! `cargo skylark expand`

use crate::{
    app::project::Project,
    cli::Expand,
    error::{environment, usage},
    output::Output,
};
use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use skylark_abi::schema::nearest;
use skylark_compiler::{Ctx, Model, SourceFile, expand_file, expand_items};
use std::path::Path;

/// What one file or item becomes.
#[derive(Debug, Serialize)]
struct Expanded {
    file: String,
    source: String,
}

pub(super) fn run(args: &Expand, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let ctx = project.context()?;
    let model = project.model()?;
    let all = match (&args.file, &args.function) {
        (Some(file), _) => vec![of_file(find_file(file, &model)?, &ctx)?],
        (None, Some(name)) => vec![of_item(name, &model, &ctx)?],
        (None, None) => {
            let files = model.files.iter();
            files
                .map(|file| of_file(file, &ctx))
                .collect::<Result<_>>()?
        }
    };
    for expanded in &all {
        output.result(expanded, |expanded| match all.len() {
            1 => expanded.source.clone(),
            _ => format!("// {}\n\n{}", expanded.file, expanded.source),
        })?;
    }
    Ok(())
}

fn of_file(file: &SourceFile, ctx: &Ctx) -> Result<Expanded> {
    let source = expand_file(file, ctx).map_err(|error| wrong(&error, &file.path))?;
    Ok(Expanded {
        file: file.path.clone(),
        source,
    })
}

/// Every error at once, and where to see them better.
fn wrong(errors: &syn::Error, file: &str) -> anyhow::Error {
    let lines: Vec<String> = errors.into_iter().map(|error| error.to_string()).collect();
    anyhow!(
        "{file} cannot be expanded (`cargo skylark check` shows the places):\n{}",
        lines.join("\n")
    )
}

/// The crate's file that `wanted` is, or else a file by itself.
fn find_file<'m>(wanted: &Path, model: &'m Model) -> Result<&'m SourceFile> {
    let canonical = wanted
        .canonicalize()
        .map_err(|error| environment(format!("cannot read {}: {error}", wanted.display())))?;
    model
        .files
        .iter()
        .find(|file| {
            Path::new(&file.path)
                .canonicalize()
                .is_ok_and(|path| path == canonical)
        })
        .ok_or_else(|| usage(format!("{} is no file of this app", wanted.display())))
}

/// One function or state, by its Rust name or the one that it has for callers.
fn of_item(name: &str, model: &Model, ctx: &Ctx) -> Result<Expanded> {
    let functions = model
        .functions
        .iter()
        .map(|f| (&f.place, &f.schema.ident, &f.schema.name));
    let states = model
        .states
        .iter()
        .map(|s| (&s.place, &s.schema.ident, &s.schema.name));
    let all: Vec<_> = functions.chain(states).collect();
    let named = |(_, ident, own): &&(_, &String, &String)| *ident == name || *own == name;
    let Some((place, ..)) = all.iter().find(named) else {
        let idents = all.iter().map(|(_, ident, _)| ident.as_str());
        let hint =
            nearest(name, idents).map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
        return Err(usage(format!(
            "no annotated function or state `{name}` in this app{hint}"
        )));
    };
    let file = model
        .files
        .get(place.file)
        .context("the item's file is not known")?;
    let expansions = expand_items(file, ctx).map_err(|error| wrong(&error, &file.path))?;
    let expansion = expansions
        .into_iter()
        .find(|expansion| expansion.range.contains(&place.ident.start))
        .with_context(|| format!("cannot find `{name}` in {}", file.path))?;
    Ok(Expanded {
        file: file.path.clone(),
        source: expansion.text,
    })
}
