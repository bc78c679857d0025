//! What is made of the regions that were found.

use crate::regions::Region;
use serde::{Deserialize, Serialize};

/// The share of the photograph that must look like fire to raise an alarm, in
/// millionths of its area: 0.05 %.
pub const ALARM_SHARE_PPM: u64 = 500;

/// What was found in one photograph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// Who took it.
    pub station: String,
    /// Its width, in pixels.
    pub width: u32,
    /// Its height, in pixels.
    pub height: u32,
    /// What looks like fire, largest first.
    pub regions: Vec<Region>,
    /// How many photographs this station has sent, this one included.
    pub count: u32,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing looks like fire.
    Clear,
    /// Something does, but less than [`ALARM_SHARE_PPM`] of the photograph.
    Watch,
    /// Send someone.
    Alarm,
}

/// The verdict on one photograph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Who took it.
    pub station: String,
    /// How bad it is.
    pub level: Level,
    /// In words.
    pub message: String,
    /// Where, in pixels of the photograph as sent; largest first.
    pub boxes: Vec<Region>,
    /// How many photographs this station has sent, this one included.
    pub count: u32,
}

/// Decides: [`Level::Alarm`] if the regions together cover at least
/// [`ALARM_SHARE_PPM`] of the photograph, [`Level::Watch`] if there are any.
pub fn decide(detection: Detection) -> Alarm {
    let Detection {
        station,
        width,
        height,
        regions,
        count,
    } = detection;
    let whole = u64::from(width) * u64::from(height);
    let burning = regions
        .iter()
        .fold(0_u64, |sum, r| sum.saturating_add(r.area));
    let level = if regions.is_empty() {
        Level::Clear
    } else if u128::from(burning) * 1_000_000 >= u128::from(whole) * u128::from(ALARM_SHARE_PPM) {
        Level::Alarm
    } else {
        Level::Watch
    };
    let places = match regions.len() {
        1 => "1 place".to_owned(),
        n => format!("{n} places"),
    };
    let message = match (level, regions.first()) {
        (Level::Alarm, Some(r)) => {
            format!(
                "fire at {station}: {places}, the largest at ({}, {})",
                r.x, r.y
            )
        }
        (Level::Watch, _) => format!("{station} shows a glow in {places}, too small for an alarm"),
        _ => format!("no fire at {station}"),
    };
    Alarm {
        station,
        level,
        message,
        boxes: regions,
        count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_decides() {
        let region = |area| Region {
            x: 3,
            y: 4,
            width: 9,
            height: 9,
            area,
        };
        for (areas, level, message) in [
            (&[][..], Level::Clear, "no fire at ridge"),
            (
                &[49],
                Level::Watch,
                "ridge shows a glow in 1 place, too small for an alarm",
            ),
            (
                &[50],
                Level::Alarm,
                "fire at ridge: 1 place, the largest at (3, 4)",
            ),
            (
                &[30, 20],
                Level::Alarm,
                "fire at ridge: 2 places, the largest at (3, 4)",
            ),
            (
                &[u64::MAX, 1],
                Level::Alarm,
                "fire at ridge: 2 places, the largest at (3, 4)",
            ),
        ] {
            let alarm = decide(Detection {
                station: "ridge".into(),
                width: 400,
                height: 250,
                regions: areas.iter().map(|a| region(*a)).collect(),
                count: 2,
            });
            assert_eq!(
                (alarm.level, alarm.message.as_str()),
                (level, message),
                "{areas:?}"
            );
            assert_eq!((alarm.boxes.len(), alarm.count), (areas.len(), 2));
        }
    }
}
