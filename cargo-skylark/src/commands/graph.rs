//! `cargo skylark graph`

use crate::{
    app::{project::Project, revision::Revision},
    cli::{Graph, GraphFormat},
    output::{Output, count},
};
use anyhow::{Context as _, Result};
use skylark_compiler::{GraphDiff, Level, Model, check_app};

pub(super) fn run(args: &Graph, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let graph = graph(&project, &project.model()?, output);
    let format = match (args.format, output.json()) {
        (None, true) => Some(GraphFormat::Json),
        (format, _) => format,
    };
    let text = match &args.diff {
        None => {
            let title = format!("The functions and states of {}", project.name);
            match format.unwrap_or_default() {
                GraphFormat::Mermaid => graph.mermaid(),
                GraphFormat::Dot => graph.dot(),
                GraphFormat::Svg => graph.svg(&title),
                GraphFormat::Json => graph.json(),
            }
        }
        Some(revision) => {
            let earlier = Revision::of(&project, revision)?;
            let model = earlier.project.model()?;
            let diff = GraphDiff::between(&self::graph(&earlier.project, &model, output), &graph);
            if diff.is_empty() {
                output.status(
                    "Unchanged",
                    &format!("the graph of `{}` since {revision}", project.name),
                );
            }
            let title = format!("What is other in {} than at {revision}", project.name);
            match format {
                None if args.out.is_none() => {
                    diff.text().lines().for_each(|line| output.change(line));
                    return Ok(());
                }
                None => diff.text(),
                Some(GraphFormat::Mermaid) => diff.mermaid(),
                Some(GraphFormat::Dot) => diff.dot(),
                Some(GraphFormat::Svg) => diff.svg(&title),
                Some(GraphFormat::Json) => diff.json(),
            }
        }
    };
    match &args.out {
        None => output.text(&text),
        Some(file) => {
            std::fs::write(file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
            output.status("Wrote", &file.display().to_string());
        }
    }
    Ok(())
}

/// The graph of an app, with a warning if something in it is wrong.
fn graph(project: &Project, model: &Model, output: &Output) -> skylark_compiler::Graph {
    let errors = check_app(model)
        .iter()
        .filter(|d| d.level == Level::Error && !d.code.can_be_set())
        .count();
    if errors > 0 {
        output.warning(&format!(
            "the graph lacks what is wrong in `{}`: `cargo skylark check` shows {}",
            project.name,
            count(errors, "error")
        ));
    }
    skylark_compiler::Graph::of(model)
}
