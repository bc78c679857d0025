//! State with a `ttl`, in a real module on every store.

use crate::eventually::eventually;
use crate::world::{KINDS, bounds, run, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_a_streak() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["counter"]).await;
        let node = &world.node;
        let streak = || run::<u64>(node, "counter/streak", "ann");
        // However slow the machine is, two calls come within its second some time.
        eventually("two come without a pause", || async {
            (streak().await == Ok(2)).then_some(())
        })
        .await;
        // The node sweeps it.
        let listed = || world.setting.store.states("counter", None, 100);
        eventually("it is forgotten", || async {
            listed().await.expect("states").is_empty().then_some(())
        })
        .await;
        assert_eq!(streak().await, Ok(1), "{kind}");
        // What has none is there all the same.
        for want in [1, 2] {
            assert_eq!(run::<u64>(node, "counter/count", "ann").await, Ok(want));
        }
    }
}
