//! Who holds the topology and answers elections.

use crate::{
    cache::{Cache, Key},
    election::Election,
    error::ElectError,
    objectives::Objectives,
    request::Request,
    resolve::Resolved,
    schedule::Schedule,
    topology::{Node, NodeId},
    units::{Bandwidth, UnixMicros},
};
use arc_swap::ArcSwap;
use skylark_abi::schema::NodeType;
use std::sync::Arc;

/// Options of an [`Elector`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Memory for paths that were computed, in bytes; what was used least
    /// recently is dropped above it. Default: 64 MiB, which is about 150
    /// plans at 10,000 nodes.
    pub cache_bytes: usize,
    /// The mean bandwidth between satellites that the published rule reckons
    /// with instead of the path's own. Default: 80 Mbit/s, as deployed by the
    /// published system (`AVG_SAT_BANDWIDTH`).
    pub databelt_bandwidth: Bandwidth,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            databelt_bandwidth: Bandwidth::PUBLISHED_MEAN,
        }
    }
}

/// The topology in force, its objectives, and what was computed from it.
///
/// Elections read a [`Snapshot`]; a new topology replaces the snapshot and
/// disturbs nobody who still reads the old one. Paths are searched once per
/// topology, frame and node, when first asked for or by [`Snapshot::warm`].
#[derive(Debug)]
pub struct Elector(ArcSwap<Snapshot>);

/// What an [`Elector`] knew at one time.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) objectives: Objectives,
    pub(crate) options: Options,
    pub(crate) cache: Arc<Cache>,
}

impl Elector {
    /// Over this schedule.
    pub fn new(schedule: Schedule, objectives: Objectives, options: Options) -> Self {
        Self(ArcSwap::from_pointee(Snapshot {
            schedule: Arc::new(schedule),
            objectives,
            options,
            cache: Arc::new(Cache::new(options.cache_bytes)),
        }))
    }

    /// What is in force now. Cheap, and never blocks.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Puts another schedule in force; true if it differs from the one before.
    /// What was computed stays if it does not.
    pub fn replace(&self, schedule: Schedule) -> bool {
        let schedule = Arc::new(schedule);
        let before = self.0.rcu(|now| {
            if now.schedule == schedule {
                return now.clone();
            }
            Arc::new(Snapshot {
                schedule: schedule.clone(),
                objectives: now.objectives,
                options: now.options,
                cache: Arc::new(Cache::new(now.options.cache_bytes)),
            })
        });
        before.schedule != schedule
    }

    /// Puts other objectives in force. What was computed stays: it does not
    /// depend on them.
    pub fn set_objectives(&self, objectives: Objectives) {
        self.0.rcu(|now| Snapshot {
            objectives,
            ..Snapshot::clone(now)
        });
    }

    /// Elects a node.
    ///
    /// # Errors
    /// A node that the topology does not have, or no node that is eligible at
    /// all. A missed objective is no error: [`Election::met`] says so.
    pub fn elect(&self, request: &Request<'_>) -> Result<Election, ElectError> {
        self.snapshot().elect(request)
    }
}

impl Snapshot {
    /// Elects a node, on this snapshot.
    ///
    /// # Errors
    /// As [`Elector::elect`].
    pub fn elect(self: &Arc<Self>, request: &Request<'_>) -> Result<Election, ElectError> {
        Ok(Election::new(Resolved::new(self.clone(), request)?))
    }

    /// The topologies.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What placements must meet.
    pub fn objectives(&self) -> Objectives {
        self.objectives
    }

    /// A node by name.
    ///
    /// # Errors
    /// [`ElectError::UnknownNode`], with the nearest name there is.
    pub fn node(&self, name: &str) -> Result<&Node, ElectError> {
        self.schedule.id(name).map(|id| self.schedule.node(id))
    }

    /// The first node of a type, in the order of the file.
    pub fn first(&self, node_type: NodeType) -> Option<&Node> {
        let id = self.schedule.of_type(Some(node_type)).first()?;
        Some(self.schedule.node(*id))
    }

    /// Who shares a link with a node at this time.
    ///
    /// # Errors
    /// [`ElectError::UnknownNode`].
    pub fn neighbors(&self, name: &str, at: UnixMicros) -> Result<Vec<&Node>, ElectError> {
        let id = self.schedule.id(name)?;
        let neighbors = self.schedule.at(at).neighbors(id);
        Ok(neighbors
            .into_iter()
            .map(|n| self.schedule.node(n))
            .collect())
    }

    /// Computes ahead what elections from `from` will read, on every frame:
    /// to wherever it is best, and towards each of `destinations` on the same
    /// frame and the next.
    ///
    /// # Errors
    /// [`ElectError::UnknownNode`].
    pub fn warm(&self, from: &str, destinations: &[&str]) -> Result<(), ElectError> {
        let from = self.schedule.id(from)?;
        let destinations = destinations
            .iter()
            .map(|name| self.schedule.id(name))
            .collect::<Result<Vec<NodeId>, _>>()?;
        let frames = self.schedule.frames().len();
        for frame in 0..frames {
            for on in [None].into_iter().chain(NodeType::ALL.map(Some)) {
                let mut key = Key {
                    from,
                    frame,
                    destination: None,
                    on,
                };
                self.cache.plan(&self.schedule, key);
                for &node in &destinations {
                    for read in [frame, (frame + 1) % frames] {
                        key.destination = Some((node, read));
                        self.cache.plan(&self.schedule, key);
                    }
                }
            }
        }
        Ok(())
    }

    /// Memory that computed paths take, in bytes.
    pub fn cached_bytes(&self) -> usize {
        self.cache.bytes()
    }
}
