//! The four photographs, through the algorithms.

use firealarm::{Alarm, Detection, Level, Photo, flame, photo, regions, verdict};

/// A floodlight at the launch pad's foot: the flame-coloured glow nearest to
/// the rocket.
const GLOW: (u32, u32) = (364, 398);

fn judge(file: &str) -> Alarm {
    let path = format!("{}/images/{file}", env!("CARGO_MANIFEST_DIR"));
    let image = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let station = file.to_owned();
    let features = photo::features(Photo { station, image }).unwrap();
    let kinds = flame::classify(&features.raster);
    let size = (features.width, features.height);
    verdict::decide(Detection {
        regions: regions::find(&features.raster, size, &kinds),
        station: features.station,
        width: size.0,
        height: size.1,
        count: 1,
    })
}

#[test]
fn only_the_rocket_alarms() {
    for (file, level) in [
        ("rocket.jpg", Level::Alarm),
        ("coffee.png", Level::Clear),
        ("astronaut.png", Level::Clear),
        ("chelsea.png", Level::Clear),
    ] {
        let alarm = judge(file);
        assert_eq!(alarm.level, level, "{file}: {alarm:#?}");
        assert_eq!(alarm.station, file);
    }
}

#[test]
fn the_boxes_are_on_the_glow_and_nowhere_else() {
    let alarm = judge("rocket.jpg");
    assert!(
        alarm.boxes.iter().any(|b| b.contains(GLOW.0, GLOW.1)),
        "{alarm:#?}"
    );
    for b in &alarm.boxes {
        // All lights stand in the lowest quarter; sky and towers are above.
        assert!(
            b.y > 320 && b.y + b.height <= 427 && b.x + b.width <= 640,
            "{b:?}"
        );
        assert!(b.width < 120 && b.height < 120, "{b:?}");
    }
}
