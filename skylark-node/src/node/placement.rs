//! Where successors go: `skylark-elect` over this node's topology.

use super::{Node, NodeError};
use skylark_abi::{
    call::{Failure, FailureKind},
    run::{Invocation, Placement},
    schema::{NodeType, Options as FunctionOptions},
    value::fingerprint_bytes,
};
use skylark_elect::{
    Bytes, ElectError, Elector, Objectives, Options, Policy, ReadOptions, Request, Schedule,
    UnixMicros,
};
use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

/// The port of a node whose topology entry names none: `--listen`'s default.
pub const DEFAULT_PORT: u16 = 7070;

/// More bytes than any input has, for an election that does not know how many.
const LARGEST: u64 = 1 << 30;

/// Options of a [`Placer`].
#[derive(Debug, Clone)]
pub struct PlacerConfig {
    /// This node, as its topology names it.
    pub node: String,
    /// The topology; the node is alone if `None`.
    pub topology: Option<PathBuf>,
    /// How successors are placed unless a run says otherwise.
    pub policy: Policy,
    /// What placements must meet.
    pub objectives: Objectives,
}

/// Elects the nodes that successors go to.
#[derive(Debug)]
pub struct Placer {
    config: PlacerConfig,
    elector: Elector,
}

impl Placer {
    /// Reads the topology.
    ///
    /// # Errors
    /// The file cannot be read, is refused, or does not have this node.
    pub fn open(config: PlacerConfig) -> Result<Self, NodeError> {
        let schedule = match &config.topology {
            Some(path) => {
                let limit = ReadOptions::default().limits.bytes;
                let json = read_limited(path, limit).map_err(|source| NodeError::Io {
                    what: format!("reading the topology {}", path.display()),
                    source,
                })?;
                parse(&config, path, &json)?
            }
            None => alone(&config.node)?,
        };
        let elector = Elector::new(schedule, config.objectives, Options::default());
        let placer = Self { config, elector };
        placer.warm();
        Ok(placer)
    }

    /// Who decides.
    pub fn elector(&self) -> &Elector {
        &self.elector
    }

    /// The node's own policy.
    pub fn policy(&self) -> Policy {
        self.config.policy
    }

    /// Reads the topology file again; true if it differs from what was in
    /// force. A file that is refused changes nothing.
    ///
    /// # Errors
    /// As [`Placer::open`].
    pub async fn refresh(&self) -> Result<bool, NodeError> {
        let Some(path) = self.config.topology.clone() else {
            return Ok(false);
        };
        let config = self.config.clone();
        let read = tokio::task::spawn_blocking(move || {
            let limit = ReadOptions::default().limits.bytes;
            let json = read_limited(&path, limit).map_err(|source| NodeError::Io {
                what: format!("reading the topology {}", path.display()),
                source,
            })?;
            parse(&config, &path, &json)
        });
        let schedule = read
            .await
            .map_err(|e| NodeError::Unavailable(format!("reading the topology: {e}")))??;
        let changed = self.elector.replace(schedule);
        if changed {
            self.warm();
        }
        Ok(changed)
    }

    /// Gives an invocation its node.
    pub(super) fn place(
        &self,
        invocation: &mut Invocation,
        options: Option<&FunctionOptions>,
    ) -> Result<(), Failure> {
        let state = invocation
            .chain_state
            .iter()
            .filter_map(|f| f.value.as_ref());
        let bytes = invocation.input.len() + state.map(Vec::len).sum::<usize>();
        let policy = self.policy_of(invocation)?;
        // The same invocation executed again is placed as before.
        let seed = fingerprint_bytes(invocation.id.to_string().as_bytes());
        let request = self.request(policy, options, bytes as u64, seed);
        metrics::counter!(crate::metrics::ELECTIONS, "policy" => policy.as_str()).increment(1);
        let election = self.elector.elect(&request).map_err(refused)?;
        invocation.placed = Some(Placement {
            policy: policy.as_str().to_owned(),
            node: election.node().name.clone(),
            reason: election.reason(),
            expected_us: election.cost().map_or(0, |c| c.micros()),
            bytes: bytes as u64,
        });
        Ok(())
    }

    /// Whether a successor of this invocation is elected to this very node, however
    /// large its input is: for the smallest and for the largest, and so for all
    /// between, as the cost of a path grows by the byte.
    pub(super) fn stays(&self, invocation: &Invocation, options: Option<&FunctionOptions>) -> bool {
        if self.config.topology.is_none() {
            return true;
        }
        let Ok(policy) = self.policy_of(invocation) else {
            return false;
        };
        // It depends on an id that is not known yet.
        policy != Policy::Random
            && [0, LARGEST].iter().all(|bytes| {
                let request = self.request(policy, options, *bytes, 0);
                let elected = self.elector.elect(&request);
                elected.is_ok_and(|election| election.node().name == self.config.node)
            })
    }

    fn policy_of(&self, invocation: &Invocation) -> Result<Policy, Failure> {
        match &invocation.policy {
            Some(policy) => policy.parse().map_err(refused),
            None => Ok(self.config.policy),
        }
    }

    fn request(
        &self,
        policy: Policy,
        options: Option<&FunctionOptions>,
        bytes: u64,
        seed: u64,
    ) -> Request<'_> {
        // A node that is alone runs everything, wherever it is meant to run.
        let on = options
            .and_then(|o| o.on)
            .filter(|_| self.config.topology.is_some());
        Request {
            policy,
            on,
            seed,
            ..Request::new(
                &self.config.node,
                Bytes(bytes),
                UnixMicros(super::unix_us()),
            )
        }
    }

    /// Where a node takes messages.
    pub(super) fn url(&self, node: &str) -> Option<String> {
        let snapshot = self.elector.snapshot();
        let ip = &snapshot.node(node).ok()?.ip;
        Some(if has_port(ip) {
            format!("http://{ip}")
        } else {
            format!("http://{ip}:{DEFAULT_PORT}")
        })
    }

    pub(super) fn check_policy(&self, policy: &str) -> Result<(), NodeError> {
        Policy::from_str(policy)
            .map(drop)
            .map_err(|_| NodeError::InvalidOption {
                name: "policy",
                value: policy.chars().take(32).collect(),
                allowed: format!("one of {}", Policy::ALL.map(|p| p.as_str()).join(", ")),
            })
    }

    /// Searches paths before the first request does.
    fn warm(&self) {
        if let Err(error) = self.elector.snapshot().warm(&self.config.node, &[]) {
            tracing::warn!(%error, "paths are searched when they are first asked for");
        }
    }
}

impl Node {
    /// Where a node of the topology takes requests; `None` if it has none of
    /// that name.
    pub fn url_of(&self, node: &str) -> Option<String> {
        self.0.placer.url(node)
    }
}

/// Whether `host`, `host:port`, `[v6]` or `[v6]:port` names a port.
fn has_port(ip: &str) -> bool {
    match ip.rsplit_once(':') {
        Some((host, port)) => {
            port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
        }
        None => false,
    }
}

fn read_limited(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut json = Vec::new();
    // One byte more, so that the parser sees and names a file that is too large.
    std::fs::File::open(path)?
        .take(limit as u64 + 1)
        .read_to_end(&mut json)?;
    Ok(json)
}

fn parse(config: &PlacerConfig, path: &Path, json: &[u8]) -> Result<Schedule, NodeError> {
    let refused =
        |why: String| NodeError::Malformed(format!("the topology {}: {why}", path.display()));
    let schedule =
        Schedule::from_json(json, &ReadOptions::default()).map_err(|e| refused(e.to_string()))?;
    schedule
        .id(&config.node)
        .map_err(|e| refused(format!("this node is not in it: {e} (`--name`)")))?;
    Ok(schedule)
}

/// The topology of a node without one.
fn alone(name: &str) -> Result<Schedule, NodeError> {
    let node = skylark_elect::Node {
        name: name.to_owned(),
        ip: "127.0.0.1".to_owned(),
        node_type: NodeType::Edge,
        capacity: None,
        temperature: None,
    };
    Schedule::new(vec![node], vec![Vec::new()]).map_err(|e| NodeError::Malformed(e.to_string()))
}

fn refused(error: ElectError) -> Failure {
    Failure::new(
        FailureKind::NotFound,
        format!("no node for the successor: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::has_port;

    #[test]
    fn addresses_with_and_without_a_port() {
        let check = |ip: &str, want: bool| assert_eq!(has_port(ip), want, "{ip}");
        check("10.0.0.1", false);
        check("10.0.0.1:80", true);
        check("node.example:7070", true);
        check("fe80::1", false);
        check("[fe80::1]", false);
        check("[fe80::1]:80", true);
    }
}
