//! From `--node` and `--token-file`, or from what `up` left, to nodes.

use super::{AppView, Client};
use crate::{
    cli,
    cluster::ClusterFile,
    error::{environment, usage},
};
use anyhow::{Context as _, Result, bail};

/// A node that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name; its URL if that is all that is known.
    pub name: String,
    /// `http://host:port`
    pub url: String,
}

/// The nodes that are meant, and a client for them.
#[derive(Debug)]
pub struct Reach {
    /// At least one.
    pub nodes: Vec<Node>,
    /// Shows the token that was found.
    pub client: Client,
}

impl Reach {
    /// What the options mean: the nodes named by `--node`, else all that `up`
    /// runs for the current directory.
    ///
    /// # Errors
    /// None is known, or not by that name; the token cannot be read.
    pub fn find(options: &cli::Nodes) -> Result<Self> {
        let directory = std::env::current_dir().context("no current directory")?;
        let only_urls = !options.node.is_empty() && options.node.iter().all(|node| is_url(node));
        let known = match ClusterFile::find(&directory) {
            Ok(known) => Some(known),
            // Named by URL, the nodes need no `up`.
            Err(_) if only_urls => None,
            Err(error) => return Err(error),
        };
        let nodes = if options.node.is_empty() {
            all(known.as_ref())
        } else {
            options
                .node
                .iter()
                .map(|node| one(node, known.as_ref()))
                .collect::<Result<_>>()?
        };
        let token_file = options
            .token_file
            .clone()
            .or_else(|| known.map(|known| known.token_file));
        let token = token_file
            .map(|file| {
                std::fs::read_to_string(&file).map_err(|error| {
                    environment(format!(
                        "cannot read the token file {}: {error}",
                        file.display()
                    ))
                })
            })
            .transpose()?;
        let client = Client::new(token.as_deref().map(str::trim))?;
        if nodes.is_empty() {
            bail!(environment("no node is named"));
        }
        Ok(Self { nodes, client })
    }

    /// The first node: the one to ask where any will do.
    pub fn first(&self) -> &Node {
        &self.nodes[0]
    }

    /// The app of that name, or the only one there is.
    ///
    /// # Errors
    /// None is named, and there is none, or several.
    pub async fn app(&self, named: Option<&str>) -> Result<String> {
        match named {
            Some(app) => Ok(app.to_owned()),
            None => self.app_of(None).await,
        }
    }

    /// Finds the app that has `function`, if a function is asked for, or the
    /// only app there is.
    ///
    /// # Errors
    /// There is none, or several.
    pub async fn app_of(&self, function: Option<&str>) -> Result<String> {
        let node = self.first();
        let apps = self.client.apps(&node.url).await?;
        choose_app(&node.name, &apps, function)
    }
}

fn choose_app(node: &str, apps: &[AppView], function: Option<&str>) -> Result<String> {
    let names = |apps: &[&AppView]| {
        let names: Vec<&str> = apps.iter().map(|app| app.app.as_str()).collect();
        names.join(", ")
    };
    let all: Vec<&AppView> = apps.iter().collect();
    if all.is_empty() {
        bail!("no app is deployed on node `{node}`: run `cargo skylark deploy`");
    }
    let having: Vec<&AppView> = match function {
        Some(function) => all
            .iter()
            .filter(|app| app.schema.functions.contains_key(function))
            .copied()
            .collect(),
        None => all.clone(),
    };
    match (having.as_slice(), function) {
        ([one], _) => Ok(one.app.clone()),
        // Its node knows best how to say so, and which name is near.
        ([], Some(_)) if all.len() == 1 => Ok(all[0].app.clone()),
        ([], Some(function)) => bail!(
            "no app on node `{node}` has a function `{function}`; its apps are: {}",
            names(&all)
        ),
        (several, Some(function)) => Err(usage(format!(
            "several apps have a function `{function}`: write one of {}",
            several
                .iter()
                .map(|app| format!("{}/{function}", app.app))
                .collect::<Vec<_>>()
                .join(", ")
        ))),
        (several, None) => Err(usage(format!(
            "several apps are deployed: choose one with `--app`: {}",
            names(several)
        ))),
    }
}

fn is_url(node: &str) -> bool {
    node.contains("://")
}

fn all(known: Option<&ClusterFile>) -> Vec<Node> {
    let nodes = known.into_iter().flat_map(|known| &known.nodes);
    nodes
        .map(|node| Node {
            name: node.name.clone(),
            url: node.url.clone(),
        })
        .collect()
}

fn one(wanted: &str, known: Option<&ClusterFile>) -> Result<Node> {
    let nodes = all(known);
    if is_url(wanted) {
        let url = wanted.trim_end_matches('/').to_owned();
        let name = nodes
            .into_iter()
            .find(|node| node.url == url)
            .map_or(url.clone(), |node| node.name);
        return Ok(Node { name, url });
    }
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    nodes
        .into_iter()
        .find(|node| node.name == wanted)
        .ok_or_else(|| {
            usage(format!(
                "no node `{wanted}` runs; there are: {}",
                names.join(", ")
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::Schema;

    fn app(name: &str, functions: &[&str]) -> AppView {
        let records = functions.iter().map(|f| {
            serde_json::from_value(serde_json::json!({
                "abi": 1, "module": name, "kind": "function", "name": f, "ident": f, "args": [], "output": "()"
            }))
            .unwrap()
        });
        AppView {
            app: name.into(),
            hash: String::new(),
            bytes: 0,
            schema: Schema::from_records(records.collect::<Vec<_>>()).unwrap(),
        }
    }

    #[test]
    fn the_app_is_guessed_where_that_is_safe() {
        let [a, b] = [app("a", &["f", "g"]), app("b", &["g"])];
        let check = |apps: &[&AppView], function: Option<&str>, wanted: Result<&str, &str>| {
            let apps: Vec<AppView> = apps.iter().map(|app| (*app).clone()).collect();
            match (choose_app("n", &apps, function), wanted) {
                (Ok(app), Ok(wanted)) => assert_eq!(app, wanted),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (got, wanted) => panic!("{got:?}, not {wanted:?}"),
            }
        };
        check(&[], None, Err("cargo skylark deploy"));
        check(&[&a], None, Ok("a"));
        check(&[&a], Some("typo"), Ok("a"));
        check(&[&a, &b], Some("f"), Ok("a"));
        check(&[&a, &b], Some("g"), Err("write one of a/g, b/g"));
        check(&[&a, &b], Some("h"), Err("its apps are: a, b"));
        check(&[&a, &b], None, Err("`--app`: a, b"));
    }
}
