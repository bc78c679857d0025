//! `cargo skylark check`

use crate::{
    app::{
        diagnostics::{render, tally},
        project::Project,
    },
    cli::Check,
    output::Output,
};
use anyhow::{Result, bail};
use skylark_compiler::{Level, check_app};

pub(super) fn run(args: &Check, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let model = project.model()?;
    let found = check_app(&model);
    for diagnostic in &found {
        output.result(diagnostic, |d| format!("{}\n", render(d, &model.files)))?;
    }
    let worst = found.iter().map(|d| d.level).min();
    let tally = tally(&found);
    match worst {
        Some(Level::Error) => bail!("`{}`: {tally}", project.name),
        Some(Level::Warning) if args.deny_warnings => {
            bail!("`{}`: {tally}, and warnings are denied", project.name)
        }
        _ => {
            let (functions, states) = (model.functions.len(), model.states.len());
            let tally = if tally.is_empty() {
                "nothing is wrong".into()
            } else {
                tally
            };
            output.status(
                "Checked",
                &format!(
                    "`{}`: {functions} functions, {states} states; {tally}",
                    project.name
                ),
            );
            Ok(())
        }
    }
}
