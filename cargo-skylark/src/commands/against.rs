//! `cargo skylark check --against`

use crate::{
    app::{module, project::Project},
    cli::{Check, Nodes},
    client::Reach,
    error::environment,
    output::{Output, count, table},
};
use anyhow::{Context as _, Result, bail};
use skylark_abi::{
    Schema,
    shape::{Change, Shapes, Side, Verdict, changes},
};
use skylark_compiler::Analysis;
use std::path::Path;

pub(super) async fn run(args: &Check, against: &str, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let model = project.model()?;
    let (schema, shapes) = (model.schema(), Analysis::new(&model).shapes());
    let file = Path::new(against);
    let deployed = if file.is_file() || file.extension().is_some_and(|e| e == "wasm") {
        Deployed::from_file(file)?
    } else {
        let app = args.app.as_deref().unwrap_or(&project.name);
        Deployed::from_node(against, app).await?
    };
    let changes = changes(
        deployed.side(),
        Side {
            schema: &schema,
            shapes: Some(&shapes),
        },
    );
    output.result(&changes, |changes| render(changes))?;
    let count_of = |verdict| changes.iter().filter(|c| c.verdict == verdict).count();
    let wrong: Vec<String> = [Verdict::NeedsMigration, Verdict::WouldLoseData]
        .into_iter()
        .filter(|verdict| count_of(*verdict) > 0)
        .map(|verdict| {
            let found = count_of(verdict);
            let does = match (verdict, found) {
                (Verdict::NeedsMigration, 2..) => "need a migration",
                _ => verdict.as_str(),
            };
            format!("{} {does}", count(found, "variable"))
        })
        .collect();
    if !wrong.is_empty() {
        bail!("`{}` against {against}: {}", project.name, wrong.join(", "));
    }
    let variables = count(changes.len(), "variable");
    let text = format!(
        "`{}` against {against}: {variables}, all compatible",
        project.name
    );
    output.status("Checked", &text);
    Ok(())
}

/// The build that wrote what is stored.
struct Deployed {
    schema: Schema,
    shapes: Option<Shapes>,
}

impl Deployed {
    fn from_file(file: &Path) -> Result<Self> {
        let wasm = std::fs::read(file)
            .map_err(|error| environment(format!("cannot read {}: {error}", file.display())))?;
        let context = || format!("{} cannot be compared with", file.display());
        Ok(Self {
            schema: module::schema(&wasm).with_context(context)?,
            shapes: module::shapes(&wasm).with_context(context)?,
        })
    }

    async fn from_node(node: &str, app: &str) -> Result<Self> {
        let reach = Reach::find(&Nodes {
            node: vec![node.to_owned()],
            token_file: None,
        })?;
        let found = reach.client.app(&reach.first().url, app).await?;
        Ok(Self {
            schema: found.app.schema,
            shapes: found.shapes,
        })
    }

    fn side(&self) -> Side<'_> {
        Side {
            schema: &self.schema,
            shapes: self.shapes.as_ref(),
        }
    }
}

/// A table, and under it what was and is of all that is not compatible.
fn render(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "no state on either side".into();
    }
    let rows = changes.iter().map(|change| {
        let verdict = change.verdict.as_str().to_owned();
        [change.variable.clone(), verdict, change.why()]
    });
    let mut text = table(["VARIABLE", "VERDICT", "WHY"], rows);
    for change in changes {
        if change.verdict == Verdict::Compatible {
            continue;
        }
        let side = |shape: &Option<String>| shape.clone().unwrap_or_else(|| "nothing".into());
        let (from, to) = (side(&change.from), side(&change.to));
        text.push_str(&format!(
            "\n\n{}\n  was {from}\n  is  {to}",
            change.variable
        ));
    }
    text
}
