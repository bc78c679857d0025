//! After the faults: everything has ended, once, and nothing is left over.

use super::{
    apps::{self, ANYWHERE, App, StoreEnd, Told},
    clients::compare,
    load::{Load, Request, SETTLE},
};
use cargo_skylark::client::{ClientError, InvokeOptions, StateView};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// Requests that are asked again at once.
const AT_ONCE: usize = 16;
/// How long one may take to get the answer that is known already.
const REPLAY: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// What the nodes call the number of messages that are left.
const OUTBOX: &str = "skylark_outbox_messages ";

/// Checks all that must hold at the end, and notes what does not.
pub(super) async fn check(load: &Load, requests: &[Request]) {
    stream::iter(requests)
        .for_each_concurrent(AT_ONCE, |request| replayed(load, request))
        .await;
    for nth in 0..load.nodes() {
        spread(load, nth).await;
    }
    for nth in 0..load.nodes() {
        emptied(load, nth).await;
    }
    for app in apps::ALL {
        match ends(load, *app, requests).await {
            Ok(stores) => {
                for what in app.check_end(&stores) {
                    load.wrong(None, format!("{}: {what}", app.name()));
                }
            }
            Err(error) => load.wrong(None, format!("{}: its state: {error}", app.name())),
        }
    }
}

/// The node that a request was first sent to remembers its answer.
async fn replayed(load: &Load, request: &Request) {
    let begun = Instant::now();
    while !compare(load, request, request.node, true).await {
        if begun.elapsed() > REPLAY {
            let node = load.node(request.node);
            let what = format!("asked again at `{node}`, without faults: no answer in {REPLAY:?}");
            load.wrong(Some(request), what);
            return;
        }
        sleep(LOOK).await;
    }
}

/// Chains that are placed at random; that none of their tasks comes to one of
/// three nodes happens once in a hundred million times.
const CHAINS: usize = 24;

/// Work goes to every node again.
async fn spread(load: &Load, from: usize) {
    let (app, function, input) = apps::CHAIN;
    let options = InvokeOptions {
        key: None,
        policy: Some(ANYWHERE.into()),
        raw: false,
    };
    let url = load.url(from);
    let mut unused: BTreeSet<&str> = (0..load.nodes()).map(|nth| load.node(nth)).collect();
    for _ in 0..CHAINS {
        let call = load
            .client()
            .invoke(url, app, function, input.into(), &options);
        match timeout(REPLAY, call).await {
            Ok(Ok(invoked)) => {
                for task in &invoked.run.tasks {
                    unused.remove(task.node.as_str());
                }
            }
            failed => {
                let why = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => format!("no answer in {REPLAY:?}"),
                };
                let node = load.node(from);
                return load.wrong(None, format!("a call of `{node}`, without faults: {why}"));
            }
        }
    }
    if !unused.is_empty() {
        let node = load.node(from);
        let what =
            format!("of {CHAINS} chains from `{node}` placed at random none came to {unused:?}");
        load.wrong(None, what);
    }
}

/// Everything that was to be delivered is, and acknowledged.
async fn emptied(load: &Load, nth: usize) {
    let begun = Instant::now();
    loop {
        let left = match timeout(SETTLE, load.client().metrics(load.url(nth))).await {
            Ok(Ok(text)) => waiting(&text).ok_or_else(|| "it does not tell".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer".to_owned()),
        };
        if left == Ok(0) {
            return;
        }
        if begun.elapsed() > SETTLE {
            let left = left.map_or_else(|why| why, |n| format!("{n} messages are left"));
            load.wrong(
                None,
                format!(
                    "the outbox at `{}` after {SETTLE:?}: {left}",
                    load.node(nth)
                ),
            );
            return;
        }
        sleep(LOOK).await;
    }
}

/// How many messages the metrics say are left.
fn waiting(metrics: &str) -> Option<u64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(OUTBOX))?;
    line.trim().parse().ok()
}

/// Answers and state, store by store.
async fn ends(
    load: &Load,
    app: &dyn App,
    requests: &[Request],
) -> Result<Vec<StoreEnd>, ClientError> {
    let stores = if load.shared() { 1 } else { load.nodes() };
    let mut ends = Vec::new();
    for nth in 0..stores {
        let of = |request: &&Request| {
            request.app.name() == app.name() && (load.shared() || request.node == nth)
        };
        let answers = requests.iter().filter(of);
        let answers = answers.filter_map(|r| {
            let told = Told {
                answer: r.answer.clone()?,
                sent: r.sent,
                answered: r.sent + r.took,
            };
            Some((r.key, told))
        });
        ends.push(StoreEnd {
            name: if load.shared() {
                "redis".into()
            } else {
                load.node(nth).to_owned()
            },
            answers: answers.collect(),
            states: states(load, nth, app).await?,
            failed: failed(load, nth, app).await?,
        });
    }
    Ok(ends)
}

/// The variables of an app in one store, collections with all of their entries: a
/// list as one, a map by its keys.
async fn states(load: &Load, nth: usize, app: &dyn App) -> Result<Vec<StateView>, ClientError> {
    let (client, url) = (load.client(), load.url(nth));
    let mut states = client.states(url, app.package()).await?;
    for state in &mut states {
        if state.value.get("entries").is_none() {
            continue;
        }
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let query: Vec<_> = after.iter().map(|a| ("after", a.as_str())).collect();
            let page = client
                .entries(url, app.package(), &state.name, &query)
                .await?;
            all.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let of_list = state.ty.as_deref().is_some_and(|ty| ty.starts_with("List"));
        state.value = match of_list {
            true => all.into_iter().map(|entry| entry.value).collect(),
            false => {
                let pairs = all.into_iter().map(|entry| match entry.key {
                    Value::String(key) => (key, entry.value),
                    key => (key.to_string(), entry.value),
                });
                Value::Object(pairs.collect())
            }
        };
    }
    Ok(states)
}

/// Failed runs that are counted of one app in one store.
const FAILED: usize = 100_000;

/// How many runs of an app failed, by the function that they began with.
async fn failed(
    load: &Load,
    nth: usize,
    app: &dyn App,
) -> Result<BTreeMap<String, u64>, ClientError> {
    let url = load.url(nth);
    let (runs, _) = load.client().failed(url, app.package(), FAILED).await?;
    let mut counts = BTreeMap::new();
    for run in runs {
        *counts.entry(run.function).or_default() += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read() {
        let check = |text: &str, left| assert_eq!(waiting(text), left, "{text}");
        check(
            "# TYPE skylark_outbox_messages gauge\nskylark_outbox_messages 3\n",
            Some(3),
        );
        check("skylark_outbox_messages 0", Some(0));
        check("skylark_calls_in_flight 0", None);
    }
}
