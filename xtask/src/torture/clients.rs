//! The callers: each sends one request after the other, while faults happen.

use super::{
    ask::How,
    load::{Load, Request},
};
use anyhow::{Context as _, Result};
use futures::future;
use std::sync::Arc;
use tokio::{task::JoinSet, time::Instant};

/// One request in so many is asked again at once, as by a caller who lost the
/// answer.
const AGAIN: u32 = 8;

/// Starts `n` callers.
pub(super) fn start(load: &Arc<Load>, n: u16) -> JoinSet<Vec<Request>> {
    let mut seeds = fastrand::Rng::with_seed(load.seed());
    (0..n).map(|_| caller(load.clone(), seeds.fork())).collect()
}

/// Waits for the callers, which end soon after the faults, and gives their
/// requests.
///
/// # Errors
/// A caller has a defect.
pub(super) async fn join(mut callers: JoinSet<Vec<Request>>, load: &Load) -> Result<Vec<Request>> {
    let mut all = Vec::new();
    while let Some(requests) = callers.join_next().await {
        all.append(&mut requests.context("a caller of the harness failed")?);
    }
    all.sort_by_key(|request| request.key);
    if all.is_empty() {
        load.wrong(None, "no request could be sent".into());
    }
    Ok(all)
}

async fn caller(load: Arc<Load>, mut rng: fastrand::Rng) -> Vec<Request> {
    let nodes: Vec<usize> = (0..load.nodes()).collect();
    let mut requests = Vec::new();
    while Instant::now() < load.faults_end() {
        let mut request = load.request(&nodes, load.faults_end(), &mut rng);
        load.ask(&mut request, &mut rng).await;
        if rng.u32(..AGAIN) == 0 {
            let node = if load.shared() {
                rng.usize(..load.nodes())
            } else {
                request.node
            };
            compare(&load, &request, node, false).await;
        }
        requests.push(request);
    }
    requests
}

/// Requests that are sent to the others while one node stays dead.
const ORPHANS: usize = 32;

/// Sends requests to all nodes but one, which must be answered without it.
pub(super) async fn without(load: &Load, dead: usize) -> Vec<Request> {
    let mut rng = fastrand::Rng::with_seed(load.seed());
    let nodes: Vec<usize> = (0..load.nodes()).filter(|nth| *nth != dead).collect();
    let orphans = (0..ORPHANS).map(|_| {
        let mut request = load.request(&nodes, Instant::now(), &mut rng);
        let mut rng = rng.fork();
        async move {
            load.ask(&mut request, &mut rng).await;
            request
        }
    });
    future::join_all(orphans.collect::<Vec<_>>()).await
}

/// Asks again, once: an answer must be the one that was given before. Says
/// whether there was one. Only `strict`ly, when no fault can be the reason,
/// must the call itself be answered and not only the run be found.
pub(super) async fn compare(load: &Load, request: &Request, node: usize, strict: bool) -> bool {
    let Some(before) = &request.answer else {
        return true;
    };
    let what = match load.again(request, node).await {
        None => return false,
        Some(Err(what)) => what,
        Some(Ok(ended)) if ended.answer == *before => match ended.how {
            How::Replayed | How::Looked => return true,
            // What failed is answered by its error, which says neither.
            _ if ended.answer.is_err() => return true,
            How::Answered => "the answer is the same, but not said to be a replay".into(),
            How::Overdue if !strict => return true,
            How::Overdue => "it waits for the run in vain, which has long ended".into(),
        },
        Some(Ok(ended)) => format!("first {before:?}, then {:?}", ended.answer),
    };
    load.wrong(
        Some(request),
        format!("asked again at `{}`: {what}", load.node(node)),
    );
    true
}
