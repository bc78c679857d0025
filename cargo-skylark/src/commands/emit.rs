//! `cargo skylark emit`

use crate::{
    app::{emitted, project::Project},
    cli::Emit,
    output::Output,
};
use anyhow::Result;
use serde::Serialize;

/// Where the crate is, for programs.
#[derive(Debug, Serialize)]
struct Emitted {
    directory: String,
    files: Vec<String>,
    /// `file:line` of annotations that only rustc sees.
    left: Vec<String>,
}

pub(super) fn run(args: &Emit, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let default = || project.target_dir.join("skylark/emit").join(&project.name);
    let out = args.out.clone().unwrap_or_else(default);
    let emitted = emitted::emit(&project, &out)?;
    for place in &emitted.left {
        output.warning(&format!(
            "{place}: an annotation inside of a macro stays, for rustc to expand"
        ));
    }
    let directory = out.display().to_string();
    output.status("Emitted", &format!("{} into {directory}", project.name));
    output.result(
        &Emitted {
            files: emitted
                .files
                .iter()
                .map(|f| f.display().to_string())
                .collect(),
            directory: emitted.directory.display().to_string(),
            left: emitted.left,
        },
        |_| directory.clone(),
    )
}
