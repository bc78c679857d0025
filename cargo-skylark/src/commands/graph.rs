//! `cargo skylark graph`

use crate::{
    app::project::Project,
    cli::{Graph, GraphFormat},
    output::Output,
};
use anyhow::{Context as _, Result};
use skylark_compiler::{Level, check_app};

pub(super) fn run(args: &Graph, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let model = project.model()?;
    let errors = check_app(&model)
        .iter()
        .filter(|d| d.level == Level::Error)
        .count();
    if errors > 0 {
        output.warning(&format!(
            "the graph lacks what is wrong in `{}`: `cargo skylark check` shows {errors} errors",
            project.name
        ));
    }
    let graph = skylark_compiler::Graph::of(&model);
    let otherwise = if output.json() {
        GraphFormat::Json
    } else {
        GraphFormat::default()
    };
    let text = match args.format.unwrap_or(otherwise) {
        GraphFormat::Mermaid => graph.mermaid(),
        GraphFormat::Dot => graph.dot(),
        GraphFormat::Json => graph.json(),
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
