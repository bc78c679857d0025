//! Small random networks, and the answers by going through every path.

use proptest::prelude::*;
use skylark_elect::{Bandwidth, Bytes, Delay, Link, Node, NodeType, Objectives, Schedule};

/// A network in plain numbers.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// Type, free bytes and temperature of each node, named `n0`, `n1`, ….
    pub(crate) nodes: Vec<(NodeType, Option<u64>, Option<i8>)>,
    pub(crate) frames: [Vec<Edge>; 2],
}

/// Source, target, bit/s, µs, whether it leads one way only.
type Edge = (usize, usize, u64, u64, bool);

/// Up to 7 nodes with up to `links` links per frame.
pub(crate) fn networks(links: usize) -> impl Strategy<Value = Network> {
    (2usize..=7).prop_flat_map(move |n| {
        let node = (
            prop::sample::select(&NodeType::ALL[..]),
            prop::option::of(0u64..3),
            prop::option::of(0i8..3),
        );
        // Few different numbers make ties, many make long fronts.
        let bandwidth = prop_oneof![
            prop::sample::select(&[30_000_000u64, 60_000_000, 90_000_000][..]),
            1u64..200_000_000,
        ];
        let latency = prop_oneof![(0u64..5).prop_map(|ms| ms * 1_000), 0u64..20_000];
        let link = (0..n, 1..n, bandwidth, latency, any::<bool>())
            .prop_map(move |(a, step, b, l, directed)| (a, (a + step) % n, b, l, directed));
        let frame = prop::collection::vec(link, 0..=links);
        (prop::collection::vec(node, n), [frame.clone(), frame])
            .prop_map(|(nodes, frames)| Network { nodes, frames })
    })
}

impl Network {
    pub(crate) fn name(node: usize) -> String {
        format!("n{node}")
    }

    pub(crate) fn schedule(&self) -> Schedule {
        let nodes: Vec<Node> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(i, &(node_type, capacity, temperature))| Node {
                name: Self::name(i),
                ip: String::new(),
                node_type,
                capacity: capacity.map(Bytes),
                temperature: temperature.map(f64::from),
            })
            .collect();
        // Ids are had from a schedule without links.
        let empty = Schedule::new(nodes.clone(), vec![vec![]]).expect("a schedule");
        let id = |i: usize| empty.id(&Self::name(i)).expect("a node");
        let frames = self.frames.iter().map(|frame| {
            let link = |&(a, b, bits, micros, directed): &Edge| Link {
                source: id(a),
                target: id(b),
                bandwidth: Bandwidth::from_mbps(bits as f64 / 1e6).expect("a bandwidth"),
                latency: Delay::from_micros(micros),
                directed,
            };
            frame.iter().map(link).collect()
        });
        Schedule::new(nodes, frames.collect()).expect("a schedule")
    }

    /// The least cost in µs of moving `size` bytes along any simple path of
    /// links no narrower than `least`; `None` if there is no path.
    pub(crate) fn cost(
        &self,
        frame: usize,
        from: usize,
        to: usize,
        size: u64,
        least: u64,
    ) -> Option<u64> {
        let links = |at| {
            self.leaving(frame, at)
                .filter(|(_, bits, _)| *bits >= least)
                .collect()
        };
        let mut costs = Vec::new();
        walk(
            &links,
            &mut vec![from],
            to,
            (0, u64::MAX),
            &mut |latency, narrowest| {
                costs.push(latency + transfer(size, narrowest));
            },
        );
        costs.into_iter().min()
    }

    /// The least cost of moving `size` bytes along exactly these nodes.
    pub(crate) fn cost_along(
        &self,
        frame: usize,
        path: &[usize],
        size: u64,
        least: u64,
    ) -> Option<u64> {
        // Of parallel links any may be taken: go through their bandwidths.
        let mut widths: Vec<u64> = self.frames[frame]
            .iter()
            .map(|l| l.2)
            .filter(|b| *b >= least)
            .collect();
        widths.push(u64::MAX);
        widths
            .into_iter()
            .filter_map(|width| {
                let mut latency = 0;
                for hop in path.windows(2) {
                    let link = self
                        .leaving(frame, hop[0])
                        .filter(|l| l.0 == hop[1] && l.1 >= width);
                    latency += link.map(|l| l.2).min()?;
                }
                Some(
                    latency
                        + if path.len() > 1 {
                            transfer(size, width)
                        } else {
                            0
                        },
                )
            })
            .min()
    }

    /// Target, bit/s and µs of the links that may be taken from a node.
    fn leaving(&self, frame: usize, from: usize) -> impl Iterator<Item = (usize, u64, u64)> {
        self.frames[frame]
            .iter()
            .filter_map(move |&(a, b, bits, micros, directed)| {
                if a == from {
                    Some((b, bits, micros))
                } else if b == from && !directed {
                    Some((a, bits, micros))
                } else {
                    None
                }
            })
    }
}

/// Shows `end` the latency and narrowest link of every simple path that goes
/// on from `path` to `to`.
fn walk(
    links: &impl Fn(usize) -> Vec<(usize, u64, u64)>,
    path: &mut Vec<usize>,
    to: usize,
    (latency, narrowest): (u64, u64),
    end: &mut impl FnMut(u64, u64),
) {
    let at = path[path.len() - 1];
    if at == to {
        return end(latency, narrowest);
    }
    for (next, bits, micros) in links(at) {
        if !path.contains(&next) {
            path.push(next);
            walk(
                links,
                path,
                to,
                (latency + micros, narrowest.min(bits)),
                end,
            );
            path.pop();
        }
    }
}

/// 8 bits a byte, 10⁶ µs a second, rounded up; nothing over no links at all.
fn transfer(size: u64, bits: u64) -> u64 {
    if bits == u64::MAX {
        return 0;
    }
    let micros = (u128::from(size) * 8_000_000).div_ceil(u128::from(bits));
    u64::try_from(micros).unwrap_or(u64::MAX)
}

pub(crate) fn objectives() -> impl Strategy<Value = Objectives> {
    let max_latency = prop::option::of(prop_oneof![
        // Often just what a path costs.
        (0u64..12).prop_map(|ms| ms * 1_000),
        0u64..60_000,
        0u64..2_000_000,
    ]);
    let min_bandwidth = prop::option::of(prop::sample::select(&[1.0, 30.0, 60.0, 90.0][..]));
    (max_latency, min_bandwidth, prop::option::of(0i8..3)).prop_map(
        |(latency, bandwidth, temperature)| Objectives {
            max_latency: latency.map(Delay::from_micros),
            min_bandwidth: bandwidth.map(|b| Bandwidth::from_mbps(b).expect("a bandwidth")),
            max_temperature: temperature.map(f64::from),
        },
    )
}
