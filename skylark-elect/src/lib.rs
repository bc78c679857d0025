//! Where state and successors go.
//!
//! A [`Schedule`] holds the network: nodes, and per frame the links between
//! them. An [`Elector`] owns one and answers [`Request`]s with [`Election`]s:
//!
//! ```
//! use skylark_elect::{Bytes, Elector, Objectives, Options, ReadOptions, Request, Schedule, UnixMicros};
//!
//! let file = br#"{
//!     "nodes": [
//!         {"node_name": "sat", "node_ip": "10.0.0.1", "node_type": "Sat"},
//!         {"node_name": "dish", "node_ip": "10.0.0.2", "node_type": "Edge"}
//!     ],
//!     "edges": [{"source": "sat", "target": "dish", "bandwidth": 90, "latency": 10}]
//! }"#;
//! let schedule = Schedule::from_json(file, &ReadOptions::default())?;
//! let objectives = Objectives::from_json(br#"{"min_bandwidth": 60, "max_latency": 25}"#)?;
//! let elector = Elector::new(schedule, objectives, Options::default());
//!
//! let election = elector.elect(&Request {
//!     on: Some(skylark_abi::schema::NodeType::Edge),
//!     ..Request::new("sat", Bytes(47_000), UnixMicros(0))
//! })?;
//! assert_eq!(election.node().name, "dish");
//! assert_eq!(
//!     election.reason(),
//!     "nearest feasible edge node: 10 ms + 4.18 ms for 47 kB over 90 Mbit/s"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Pure: it reads no files, opens no sockets and has no clock. Time, files'
//! contents and seeds come from the caller.
//!
//! **Cost** of moving `S` bytes along a path: the sum of its latencies +
//! `8·S /` its narrowest bandwidth. **Feasible** is a node if that cost, with
//! the time already spent, is within `max_latency`, the path no narrower than
//! `min_bandwidth`, the node's free capacity no less than the demand, and its
//! temperature within the limit.

mod cache;
mod decide;
mod direct;
mod election;
mod elector;
mod error;
mod explain;
mod explore;
mod fronts;
mod graph;
mod objectives;
mod plan;
mod policy;
pub mod published;
mod queue;
mod read;
mod request;
mod resolve;
mod schedule;
mod table;
mod topology;
mod units;

pub use election::Election;
pub use elector::{Elector, Options, Snapshot};
pub use error::{ElectError, TopologyError};
pub use explain::{ALTERNATIVES, Alternative, Report};
pub use objectives::Objectives;
pub use policy::Policy;
pub use read::{Limits, ReadOptions};
pub use request::Request;
pub use schedule::Schedule;
pub use skylark_abi::schema::NodeType;
pub use topology::{Link, MAX_LINK_LATENCY, Node, NodeId, Topology};
pub use units::{Bandwidth, Bytes, Delay, UnitError, UnixMicros};
