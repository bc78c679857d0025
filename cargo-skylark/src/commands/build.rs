//! `cargo skylark build`

use crate::{
    app::{
        build::{BuildOptions, Built, build},
        project::Project,
        schema_table,
    },
    cli::Build,
    output::{Output, bytes},
};
use anyhow::Result;

pub(super) fn run(args: &Build, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let options = BuildOptions {
        debug: args.debug,
        out: args.out.clone(),
        no_wasm_opt: args.no_wasm_opt,
    };
    let built = build(&project, &options, output)?;
    output.status("Wrote", &summary(&built));
    output.result(&built, |built| schema_table::render(&built.schema))
}

/// `target/skylark/app.wasm: 412.3 kB → 251.0 kB (strip)`
pub(super) fn summary(built: &Built) -> String {
    let path = built.path.display();
    match built.optimised_by {
        "none" => format!("{path}: {}", bytes(built.bytes)),
        by => format!(
            "{path}: {} → {} ({by})",
            bytes(built.bytes_before),
            bytes(built.bytes)
        ),
    }
}
