//! The whole chain, in this process.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use firealarm::{Alarm, Level};
use serde_json::json;
use skylark::{FailureKind, native::Runtime};
use std::collections::BTreeMap;

fn image(file: &str) -> String {
    let path = format!("{}/images/{file}", env!("CARGO_MANIFEST_DIR"));
    BASE64_STANDARD.encode(std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}")))
}

#[test]
fn photographs_are_judged_and_counted_by_station() {
    let runtime = Runtime::new();
    for (station, file, level, count) in [
        ("ridge", "coffee.png", Level::Clear, 1),
        ("coast", "rocket.jpg", Level::Alarm, 1),
        ("ridge", "rocket.jpg", Level::Alarm, 2),
        ("ridge", "chelsea.png", Level::Clear, 3),
        ("coast", "astronaut.png", Level::Clear, 2),
    ] {
        let photo = json!({"station": station, "image": image(file)});
        let alarm: Alarm = runtime.run("preprocess", &photo).unwrap();
        assert_eq!(
            (alarm.station.as_str(), alarm.level, alarm.count),
            (station, level, count),
            "{file}"
        );
    }
    let seen: BTreeMap<String, u32> = runtime.state("SEEN").unwrap().unwrap();
    assert_eq!(
        seen,
        BTreeMap::from([("coast".into(), 2), ("ridge".into(), 3)])
    );
}

#[test]
fn every_function_is_a_task() {
    let runtime = Runtime::new();
    let photo = json!({"station": "ridge", "image": image("chelsea.png")});
    let run = runtime.invoke("preprocess", photo.to_string());
    let tasks: Vec<&str> = run
        .tasks
        .iter()
        .map(|task| task.function.as_str())
        .collect();
    assert_eq!(tasks, ["preprocess", "detect", "alarm"]);
    // 320 × 213 pixels of three bytes, and little else: no base64 inside.
    let pixels = 320 * 213 * 3;
    let moved = run.tasks[1].input_bytes;
    assert!(
        (pixels..pixels + 200).contains(&moved),
        "{moved} bytes for {pixels} of pixels"
    );
}

#[test]
fn what_cannot_be_judged_ends_the_run_and_counts_nothing() {
    let runtime = Runtime::new();
    for (input, kind, message) in [
        (
            json!({"station": "ridge", "image": "aGVsbG8="}),
            FailureKind::Returned,
            "neither PNG nor JPEG",
        ),
        (
            json!({"station": "ridge", "image": "?"}),
            FailureKind::Input,
            "not base64",
        ),
        (json!({"image": ""}), FailureKind::Input, "station"),
    ] {
        let failure = runtime.run::<Alarm>("preprocess", &input).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.to_string().contains(message), "{input}: {failure}");
    }
    assert_eq!(
        runtime.state::<BTreeMap<String, u32>>("SEEN").unwrap(),
        None
    );
}
