//! The photographs, and what is to be made of them.

use crate::process;
use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The level of a photograph that shows fire.
pub(crate) const ALARM: &str = "alarm";
/// The level of one that does not.
const CLEAR: &str = "clear";

/// A photograph.
#[derive(Debug)]
pub(crate) struct Photo {
    /// Its file in the example's `images/`.
    pub file: &'static str,
    /// The verdict's level, as it should be.
    pub level: &'static str,
    /// A point that one of its boxes must hold.
    glow: Option<(u32, u32)>,
}

/// In the order in which they are sent; the alarm comes last.
pub(crate) const PHOTOS: [Photo; 4] = [
    Photo {
        file: "coffee.png",
        level: CLEAR,
        glow: None,
    },
    Photo {
        file: "astronaut.png",
        level: CLEAR,
        glow: None,
    },
    Photo {
        file: "chelsea.png",
        level: CLEAR,
        glow: None,
    },
    Photo {
        file: "rocket.jpg",
        level: ALARM,
        glow: Some((364, 398)),
    },
];

/// What the last function returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// `clear`, `watch` or `alarm`.
    pub level: String,
    /// In words.
    pub message: String,
    /// Where.
    pub boxes: Vec<Area>,
    /// How many photographs the station has sent.
    pub count: u32,
}

/// A box, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Area {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Area {
    /// Whether a point lies in it.
    pub(crate) fn holds(&self, (x, y): (u32, u32)) -> bool {
        x.checked_sub(self.x).is_some_and(|dx| dx < self.width)
            && y.checked_sub(self.y).is_some_and(|dy| dy < self.height)
    }
}

impl Photo {
    /// What is sent: the station and the file.
    pub(crate) fn request(&self, station: &str) -> Result<Vec<u8>> {
        let file = path(self.file);
        let image =
            std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let image = BASE64_STANDARD.encode(image);
        Ok(serde_json::to_vec(
            &serde_json::json!({"station": station, "image": image}),
        )?)
    }

    /// Whether this is the right verdict.
    pub(crate) fn is_judged_by(&self, verdict: &Verdict) -> bool {
        let boxed = match self.glow {
            Some(glow) => verdict.boxes.iter().any(|area| area.holds(glow)),
            None => verdict.boxes.is_empty(),
        };
        verdict.level == self.level && boxed
    }
}

/// Where a photograph is.
pub(crate) fn path(file: &str) -> PathBuf {
    process::root().join("examples/firealarm/images").join(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_its_level_and_its_box() {
        let verdict = |level: &str, x| Verdict {
            level: level.into(),
            message: String::new(),
            boxes: Option::into_iter(x)
                .map(|x| Area {
                    x,
                    y: 390,
                    width: 10,
                    height: 10,
                })
                .collect(),
            count: 1,
        };
        let [coffee, .., rocket] = &PHOTOS;
        for (photo, level, x, expected) in [
            (coffee, "clear", None, true),
            (coffee, "watch", None, false),
            (coffee, "clear", Some(360), false),
            (rocket, "alarm", Some(360), true),
            (rocket, "alarm", Some(355), true),
            (rocket, "alarm", Some(354), false),
            (rocket, "alarm", Some(365), false),
            (rocket, "alarm", None, false),
            (rocket, "clear", Some(360), false),
        ] {
            let what = format!("{} {level} {x:?}", photo.file);
            assert_eq!(photo.is_judged_by(&verdict(level, x)), expected, "{what}");
        }
    }

    #[test]
    fn all_photographs_are_there() {
        for photo in &PHOTOS {
            assert!(
                photo.request("ridge").unwrap().len() > 100_000,
                "{}",
                photo.file
            );
        }
    }
}
