//! `cargo skylark check`

use crate::{
    app::{
        diagnostics::{render, tally},
        project::Project,
        settings,
    },
    cli::Check,
    output::{Output, count},
};
use anyhow::{Result, bail};
use skylark_compiler::{Level, Setting, check_app_with};

pub(super) fn run(args: &Check, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let model = project.model()?;
    let mut decided = settings::read(project.directory())?;
    let only = settings::only(&args.only)?;
    for code in &only {
        // Asked for by name: what is silent otherwise is shown.
        if decided.of(*code) == Setting::Allow {
            decided.choose(*code, Setting::Note);
        }
    }
    let mut found = check_app_with(&model, &decided, args.as_handlers.into());
    found.retain(|d| only.is_empty() || only.contains(&d.code));
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
