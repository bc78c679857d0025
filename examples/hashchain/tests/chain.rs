//! The whole chain, in this process.

use hashchain::Trail;
use skylark::native::Runtime;

#[test]
fn three_links_hash_in_turn() {
    let run = Runtime::new().invoke("f1", "\"abc\"");
    let trail: Trail = run.value().unwrap();
    let expected = Trail::start("f1", b"abc").extend("f2").extend("f3");
    assert_eq!(trail, expected);
    let tasks: Vec<&str> = run
        .tasks
        .iter()
        .map(|task| task.function.as_str())
        .collect();
    assert_eq!(tasks, ["f1", "f2", "f3"]);
    // They are fused: the first begins with a lease, the last ends with a commit.
    let round_trips: Vec<u32> = run.tasks.iter().map(|task| task.round_trips).collect();
    assert_eq!(round_trips, [1, 0, 1]);
}
