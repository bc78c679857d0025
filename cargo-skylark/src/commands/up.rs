//! `cargo skylark up`

use super::{
    build::summary,
    deploy::{Module, deploy},
};
use crate::{
    app::{
        build::{BuildOptions, build},
        project::Project,
    },
    cli::Up,
    client::Node,
    cluster::{Cluster, ClusterFile, ClusterOptions, LogSink, Plan, find_node_program, free_ports},
    error::environment,
    output::{Output, count, table},
};
use anyhow::{Context as _, Result};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(args: &Up, output: &Output) -> Result<()> {
    // Everything that can fail without a node fails before there is one.
    let asked = args.project.package.is_some() || args.project.manifest_path.is_some();
    let project = match Project::find(&args.project) {
        Ok(project) => Some(project),
        Err(error) if asked => return Err(error),
        // Nodes run as well where there is no app.
        Err(_) => None,
    };
    let directory = match &project {
        Some(project) => project.directory().to_owned(),
        None => std::env::current_dir().context("no current directory")?,
    };
    ClusterFile::refuse_running(&directory)?;
    let program = find_node_program()?;
    let modules = modules(args, project.as_ref(), output)?;
    let plan = match &args.topology {
        Some(file) => Plan::of_file(file, free_ports(Plan::count(file)?, args.port_base)?)?,
        None => Plan::new(args.nodes, free_ports(args.nodes, args.port_base)?),
    };
    let options = ClusterOptions {
        store: args.store.clone(),
        data: args.data.clone(),
        policy: args.policy.clone(),
        start_timeout: Duration::from_secs(args.start_timeout),
        drain: Duration::from_secs(args.drain),
        ..ClusterOptions::new(program, plan)
    };
    let mut stop = Stop::listen()?;
    output.status(
        "Starting",
        &format!(
            "{}, store {}",
            count(options.plan.nodes.len(), "node"),
            shown(&args.store)
        ),
    );
    let cluster = tokio::select! {
        started = Cluster::start(&options, log(&options.plan, *output)) => started?,
        // Those that were started go with the future.
        () = stop.asked() => return Ok(()),
    };
    let served = serve(cluster, &modules, &directory, &mut stop, output).await;
    output.status("Ended", "all nodes");
    served
}

/// What is to be deployed.
fn modules(args: &Up, project: Option<&Project>, output: &Output) -> Result<Vec<Module>> {
    if !args.wasm.is_empty() {
        return args
            .wasm
            .iter()
            .map(|given| match given.split_once('=') {
                Some((app, file)) => Module::read(Path::new(file), Some(app)),
                None => Module::read(Path::new(given), None),
            })
            .collect();
    }
    match project {
        Some(project) if project.cdylib && !args.no_app => {
            let built = build(project, &BuildOptions::default(), output)?;
            output.status("Wrote", &summary(&built));
            Ok(vec![Module::read(&built.path, Some(&built.app))?])
        }
        _ => Ok(Vec::new()),
    }
}

/// From the first node that is ready to the end of the last.
async fn serve(
    mut cluster: Cluster,
    modules: &[Module],
    directory: &Path,
    stop: &mut Stop,
    output: &Output,
) -> Result<()> {
    let work = async {
        let _file = cluster.file().write(directory)?;
        let nodes: Vec<Node> = cluster
            .nodes()
            .map(|node| Node {
                name: node.name.clone(),
                url: node.url.clone(),
            })
            .collect();
        let client = cluster.client()?;
        for module in modules {
            deploy(module, &nodes, &client, false).await?;
            output.status(
                "Deployed",
                &format!("`{}` to {}", module.app, count(nodes.len(), "node")),
            );
        }
        print(&cluster, modules, output)?;
        let ended = cluster.ended().await;
        Err(environment(ended))
    };
    let result = tokio::select! {
        result = work => result,
        () = stop.asked() => Ok(()),
    };
    output.status("Draining", "the nodes (again Ctrl-C: at once)");
    tokio::select! {
        ended = cluster.stop() => {
            for (node, _) in ended.iter().filter(|(_, status)| status.is_none()) {
                output.warning(&format!("node `{node}` did not end in time (`--drain`) and was killed"));
            }
        }
        // Dropping the future kills the nodes.
        () = stop.asked() => {}
    }
    result
}

fn print(cluster: &Cluster, modules: &[Module], output: &Output) -> Result<()> {
    output.result(&cluster.file(), |file| {
        let nodes = table(
            ["NODE", "TYPE", "URL"],
            file.nodes.iter().map(|node| {
                [
                    node.name.clone(),
                    node.node_type.to_string(),
                    node.url.clone(),
                ]
            }),
        );
        let mut text = format!(
            "{nodes}\n\ntoken     {}\ntopology  {}\n",
            file.token_file.display(),
            file.topology_file.display()
        );
        if modules.is_empty() {
            text.push_str("\nNo app here: `cargo skylark deploy APP.wasm` sends one.\n");
        }
        text.push_str("\nCtrl-C ends the nodes.\n");
        text
    })
}

/// Log lines of all nodes, each with its node's name in its colour.
fn log(plan: &Plan, output: Output) -> LogSink {
    let names: Vec<String> = plan.nodes.iter().map(|node| node.name.clone()).collect();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    Arc::new(move |node, line| {
        let index = names
            .iter()
            .position(|name| name == node)
            .unwrap_or_default();
        output.log_line(index, node, width, line);
    })
}

/// A store's URL without its password.
fn shown(store: &str) -> String {
    match (store.split_once("://"), store.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => store.to_owned(),
    }
}

/// The ways in which a person or a system asks a program to end.
struct Stop {
    signals: [tokio::signal::unix::Signal; 3],
}

impl Stop {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            signals: [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            ],
        })
    }

    async fn asked(&mut self) {
        let [a, b, c] = &mut self.signals;
        tokio::select! {
            _ = a.recv() => {}
            _ = b.recv() => {}
            _ = c.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let check = |store: &str, wanted: &str| assert_eq!(shown(store), wanted);
        check("embedded", "embedded");
        check("redis://127.0.0.1:6379", "redis://127.0.0.1:6379");
        check("redis://me:p@ss@host:1", "redis://host:1");
    }
}
