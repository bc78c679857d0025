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
    // Neither state nor a store is needed to follow a chain in one process.
    assert_eq!(
        run.tasks.iter().map(|task| task.round_trips).sum::<u32>(),
        0
    );
}
