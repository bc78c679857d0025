//! `cargo skylark deploy`

use super::build::summary;
use crate::{
    app::{
        build::{BuildOptions, build},
        module,
        project::Project,
    },
    cli::Deploy,
    client::{AppView, Client, Node, Reach},
    error::{environment, usage},
    output::{Output, bytes, table},
};
use anyhow::{Context as _, Result};
use serde::Serialize;
use skylark_abi::names;
use std::path::Path;

pub(super) async fn run(args: &Deploy, output: &Output) -> Result<()> {
    // The nodes first: a build is long, and in vain if there is none.
    let reach = Reach::find(&args.nodes)?;
    let module = match &args.wasm {
        Some(file) => Module::read(file, args.app.as_deref())?,
        None => {
            let project = Project::find(&args.project)?;
            let built = build(&project, &BuildOptions::default(), output)?;
            output.status("Wrote", &summary(&built));
            Module::read(&built.path, Some(args.app.as_deref().unwrap_or(&built.app)))?
        }
    };
    let deployed = deploy(&module, &reach.nodes, &reach.client, args.force).await?;
    output.result(&deployed, |all| {
        table(
            ["NODE", "APP", "BYTES", "HASH"],
            all.iter().map(|d| {
                let hash = d.app.hash.chars().take(12).collect();
                [d.node.clone(), d.app.app.clone(), bytes(d.app.bytes), hash]
            }),
        )
    })
}

/// A module to be sent.
pub(super) struct Module {
    pub(super) app: String,
    wasm: Vec<u8>,
}

impl Module {
    /// Reads `file` and looks at its schema: what a node would refuse is said
    /// before anything is sent. Its name is `app`, or the file's.
    pub(super) fn read(file: &Path, app: Option<&str>) -> Result<Self> {
        let wasm = std::fs::read(file)
            .map_err(|error| environment(format!("cannot read {}: {error}", file.display())))?;
        module::schema(&wasm).with_context(|| format!("{} cannot be deployed", file.display()))?;
        let app = match app {
            Some(app) => app.to_owned(),
            None => file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        };
        if !names::is_valid_name(&app) {
            return Err(usage(format!(
                "`{app}` cannot name an app: letters, digits, `_` and `-`, not starting with a digit, at most {} bytes; name it with `--app`",
                names::MAX_NAME
            )));
        }
        Ok(Self { app, wasm })
    }
}

/// What came of it on one node.
#[derive(Debug, Serialize)]
pub(super) struct Deployed {
    node: String,
    #[serde(flatten)]
    app: AppView,
}

/// Sends a module to every node.
pub(super) async fn deploy(
    module: &Module,
    nodes: &[Node],
    client: &Client,
    force: bool,
) -> Result<Vec<Deployed>> {
    let sent = nodes.iter().map(async |node| {
        let app = client
            .deploy(&node.url, &module.app, module.wasm.clone(), force)
            .await
            .with_context(|| format!("node `{}` did not take `{}`", node.name, module.app))?;
        anyhow::Ok(Deployed {
            node: node.name.clone(),
            app,
        })
    });
    futures::future::try_join_all(sent).await
}
