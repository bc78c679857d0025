//! A fire alarm: three functions, three nodes, one photograph at a time.
//!
//! ```text
//! Photo ─▶ preprocess ─▶ Features ─▶ detect ─▶ Detection ─▶ alarm ─▶ Alarm
//!          where called               edge                   cloud
//! ```
//!
//! A camera station hands a PNG or JPEG to the node nearest to it, a satellite
//! say. [`preprocess`] decodes it there and scales it down, so that what
//! travels on is small; [`detect`] finds flame-coloured, glowing regions on an
//! edge node and counts the station's photographs; [`alarm`] decides in the
//! cloud.
//!
//! Everything below the three functions is plain Rust: [`photo`] reads images,
//! [`flame`] says which pixels may be fire and why, [`regions`] puts them
//! together, [`verdict`] decides. None of it knows where it runs.

pub mod bytes;
pub mod flame;
pub mod photo;
pub mod regions;
pub mod verdict;

pub use photo::{Features, Photo, PhotoError};
pub use regions::Region;
pub use verdict::{Alarm, Detection, Level};

use skylark::prelude::*;
use std::{collections::BTreeMap, sync::Mutex};

/// How many photographs each station has sent, over all runs.
#[skylark::state]
static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// Decodes a photograph and scales it down; runs where it is called.
///
/// # Errors
/// What was sent is no readable PNG or JPEG, or is larger than
/// [`photo::MAX_SIDE`] or [`photo::MAX_DECODED`] allow.
#[skylark::chain(next = detect, memory = "128MiB", timeout = "10s")]
pub fn preprocess(photo: Photo) -> Result<Features, PhotoError> {
    photo::features(photo)
}

/// Boxes the regions that look like fire, and counts the photograph.
#[skylark::chain(next = alarm, on = edge)]
pub fn detect(features: Features) -> Detection {
    let regions = regions::find(
        &features.raster,
        (features.width, features.height),
        &flame::classify(&features.raster),
    );
    let mut seen = SEEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let count = seen.entry(features.station.clone()).or_default();
    *count = count.saturating_add(1);
    Detection {
        station: features.station,
        width: features.width,
        height: features.height,
        regions,
        count: *count,
    }
}

/// Decides what the regions mean; the run's result.
#[skylark::function(on = cloud)]
pub fn alarm(detection: Detection) -> Alarm {
    verdict::decide(detection)
}
