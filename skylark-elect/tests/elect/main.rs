//! Tests of placement, by what they are about.

mod brute;
mod exact;
mod golden;
mod published;
mod reading;
mod routes;
mod units;

use skylark_elect::{Objectives, ReadOptions, Schedule};

/// One of the published files.
fn published_file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a published file")
}

fn published_schedule() -> Schedule {
    Schedule::from_json(&published_file("topologies.json"), &ReadOptions::default())
        .expect("readable")
}

fn published_objectives() -> Objectives {
    Objectives::from_json(&published_file("slo-settings.json")).expect("readable")
}
