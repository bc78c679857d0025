//! `cargo skylark new`

use crate::{
    app::new::{Origin, create},
    cli::New,
    output::Output,
};
use anyhow::Result;

pub(super) fn run(args: &New, output: &Output) -> Result<()> {
    let origin = Origin::find(args.path_to_skylark.as_deref())?;
    let (name, files) = create(&args.path, &origin)?;
    output.status(
        "Created",
        &format!("app `{name}` in {}", args.path.display()),
    );
    let result = serde_json::json!({"app": name, "files": files});
    output.result(&result, |_| {
        format!(
            "Next:\n  cd {}\n  cargo test\n  cargo skylark up",
            args.path.display()
        )
    })
}
