//! Every race, fused and apart.

use relay::Race;
use skylark::native::Runtime;

#[test]
fn a_race_has_so_many_legs() {
    let race = Race {
        baton: 10,
        board: 10,
        stumbles: false,
    };
    for (most, commits) in [(1, 5), (2, 3), (8, 1)] {
        let runtime = Runtime::new();
        runtime.with_fusion(most);
        for (legs, function) in (1..).zip(["one", "two", "three", "four", "five"]) {
            assert_eq!(runtime.run(function, &race), Ok(legs), "{most}");
        }
        assert_eq!(runtime.state::<u64>("LEGS"), Ok(Some(15)), "{most}");
        let json = r#"{"baton":1}"#;
        let tasks = runtime.invoke("five", json).tasks;
        let alone = tasks.iter().filter(|task| !task.fused).count();
        assert_eq!((tasks.len(), alone), (5, commits), "{most}");
    }
}

#[test]
fn who_stumbles_takes_nothing_back() {
    for most in [1, 8] {
        let runtime = Runtime::new();
        runtime.with_fusion(most);
        let race = Race {
            baton: 1,
            board: 1,
            stumbles: true,
        };
        assert!(runtime.run::<u32>("three", &race).is_err());
        assert_eq!(runtime.state::<u64>("LEGS"), Ok(Some(2)), "{most}");
    }
}
