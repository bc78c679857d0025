//! `cargo skylark check`

use crate::{
    app::{
        diagnostics::{render, tally},
        project::Project,
    },
    cli::Check,
    output::{Output, count},
};
use anyhow::{Result, bail};
use skylark_compiler::{Level, check_app};

pub(super) fn run(args: &Check, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let model = project.model()?;
    let found = check_app(&model);
    for diagnostic in &found {
        output.result(diagnostic, |d| render(d, &model.files))?;
        if !output.json() {
            output.text("");
        }
    }
    let worst = found.iter().map(|d| d.level).min();
    let tally = tally(&found);
    match worst {
        Some(Level::Error) => bail!("`{}`: {tally}", project.name),
        Some(Level::Warning) if args.deny_warnings => {
            bail!("`{}`: {tally}, and warnings are denied", project.name)
        }
        _ => {
            let functions = count(model.functions.len(), "function");
            let states = count(model.states.len(), "state");
            let tally = if tally.is_empty() {
                "nothing is wrong".into()
            } else {
                tally
            };
            output.status(
                "Checked",
                &format!("`{}`: {functions}, {states}; {tally}", project.name),
            );
            Ok(())
        }
    }
}
