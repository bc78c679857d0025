//! The lifted services as wasm on a real node's process, beside the originals' servers,
//! and what a node that is killed in the middle leaves.
//!
//! They need the modules of `cargo xtask test guests`, and the node's program, unless
//! `SKYLARK_NODE` names one.

mod boxoffice;
mod http;
mod node;
#[path = "../script/mod.rs"]
mod script;
#[allow(dead_code)]
#[path = "../../textservice/before/tests/common/mod.rs"]
mod servers;
#[path = "../talk/mod.rs"]
mod talk;
mod textservice;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// Calls that are made, and repeated until each is answered, from several threads, while
/// the node is killed again and again. Gives each one's answer; whoever was answered
/// before a crash asks once more at the end, and must hear the same.
pub(crate) fn under_crashes<T: PartialEq + std::fmt::Debug + Clone + Send>(
    node: &mut node::Node,
    calls: usize,
    crashes: usize,
    call: impl Fn(std::net::SocketAddr, usize) -> std::io::Result<T> + Sync,
) -> Vec<T> {
    /// Longer than anything takes on the slowest machine.
    const NEVER: Duration = Duration::from_secs(120);
    const THREADS: usize = 4;
    let begun = Instant::now();
    let address = Mutex::new(node.address);
    let (next, answered, failed) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let answers = Mutex::new(vec![None; calls]);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, SeqCst);
                    if at >= calls {
                        return;
                    }
                    loop {
                        let to = *address.lock().unwrap();
                        match call(to, at) {
                            Ok(answer) => {
                                answers.lock().unwrap()[at] = Some(answer);
                                answered.fetch_add(1, SeqCst);
                                break;
                            }
                            Err(error) => {
                                failed.fetch_add(1, SeqCst);
                                assert!(
                                    begun.elapsed() < NEVER,
                                    "call {at} is never answered: {error}"
                                );
                                std::thread::yield_now();
                            }
                        }
                    }
                }
            });
        }
        for crash in 1..=crashes {
            // In the middle: some are answered, and others are under way.
            while answered.load(SeqCst) < crash * calls / (crashes + 1) {
                assert!(begun.elapsed() < NEVER, "the calls are never answered");
                std::thread::yield_now();
            }
            node.restart();
            *address.lock().unwrap() = node.address;
        }
    });
    assert!(
        failed.load(SeqCst) > 0,
        "no call was under way when the node was killed"
    );
    let answers: Vec<T> = answers
        .into_inner()
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    for (at, answer) in answers.iter().enumerate() {
        assert_eq!(&call(node.address, at).unwrap(), answer, "call {at}");
    }
    answers
}
