//! Both counters, in this process.

// What it registers is what runs.
use counter as _;
use skylark::native::Runtime;
use std::time::Duration;

#[test]
fn names_are_counted_apart_and_the_total_together() {
    let runtime = Runtime::new();
    let check = |function: &str, input: &str, want: u64| {
        let got = runtime.invoke(function, input).value::<u64>().unwrap();
        assert_eq!(got, want, "{function}({input})");
    };
    for (name, want) in [("a", 1), ("a", 2), ("b", 1), ("a", 3)] {
        check("count", &format!("{name:?}"), want);
    }
    for want in [1, 2] {
        check("streak", "\"a\"", want);
    }
    runtime.advance(Duration::from_secs(1));
    for (name, want) in [("streak", 1), ("count", 4)] {
        check(name, "\"a\"", want);
    }
    for (amount, want) in [("1", 1), ("41", 42)] {
        check("add", amount, want);
    }
}
