//! What is sent to whom, and measured in turn.

use crate::{
    load::{Round, Shot, Target, fire},
    processes::{self, Process},
    table::Summary,
};
use anyhow::{Context, Result};
use std::{path::Path, time::Duration};

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(600);
const WARM_UP: Duration = Duration::from_millis(250);

/// How many names are counted.
pub(crate) const KEYS: u64 = 1000;
const TEXT: &str = r#""hello, skylark""#;

pub(crate) const ECHO: Target = |_| ("/f/counter/echo".into(), TEXT.into());
pub(crate) const COUNT: Target = |n| ("/f/counter/count".into(), format!("\"key-{}\"", n % KEYS));
pub(crate) const CHAIN: Target = |_| ("/f/hashchain/f1".into(), TEXT.into());

const TRIP: &str = r#"{"user":"ann","hotel":"h","flight":"f"}"#;
pub(crate) const RESERVE: Target = |_| ("/f/travel/reserve".into(), TRIP.into());
pub(crate) const RESERVE_BY_CALLS: Target = |_| ("/f/travel/reserve_by_calls".into(), TRIP.into());
pub(crate) const REVIEW: Target = |_| {
    let draft = r#"{"user":"ann","film":"Metropolis","text":"damn good","stars":9}"#;
    ("/f/media/review".into(), draft.into())
};
/// So many rooms and seats that none is refused.
const OFFER: (&str, &str) = (
    "/f/travel/offer",
    r#"{"hotel":"h","rooms":4000000000,"flight":"f","seats":4000000000}"#,
);

pub(crate) fn shot(process: &Process, target: Target, keyed: bool) -> Shot {
    Shot {
        address: process.address.clone(),
        target,
        keyed,
        refusable: false,
    }
}

/// Measures the subjects in turn, round by round.
pub(crate) async fn compare(subjects: &[Shot], connections: usize) -> Result<Vec<Summary>> {
    compare_for(subjects, connections, ROUND).await
}

/// The same, with rounds of this length.
pub(crate) async fn compare_for(
    subjects: &[Shot],
    connections: usize,
    length: Duration,
) -> Result<Vec<Summary>> {
    let mut rounds: Vec<Vec<Round>> = subjects.iter().map(|_| Vec::new()).collect();
    for subject in subjects {
        fire(subject, connections, WARM_UP).await?;
    }
    for _ in 0..ROUNDS {
        for (subject, rounds) in subjects.iter().zip(&mut rounds) {
            rounds.push(fire(subject, connections, length).await?);
        }
    }
    Ok(rounds.iter().map(|r| Summary::of(r)).collect())
}

/// Uploads the examples that are measured.
pub(crate) async fn with_guests(node: Process, guests: &Path, apps: &[&str]) -> Result<Process> {
    for app in apps {
        let path = guests.join(format!("{app}.wasm"));
        let wasm = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        processes::upload(&node, app, wasm).await?;
        if *app == "travel" {
            processes::post(&node, OFFER.0, OFFER.1).await?;
        }
    }
    Ok(node)
}
