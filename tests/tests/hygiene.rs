//! Expansions under a renamed runtime, no prelude and strict lints, run.

// The app is linked in by its items.
use skylark_tests_renamed as app;

#[test]
fn a_renamed_runtime_runs_the_same_chain() {
    let runtime = skylark::native::Runtime::new();
    for (input, wanted) in [
        ("a,bc", Ok(("bc,a", 8, 11))),
        ("", Err("no comma")),
        ("smoke,fire", Ok(("fire,smoke", 20, 12))),
    ] {
        let got = runtime.run::<(String, usize, u32)>("split", input);
        let wanted = wanted.map(|(text, bytes, runs)| (text.to_owned(), bytes, runs));
        assert_eq!(
            got.map_err(|failure| failure.message),
            wanted.map_err(str::to_owned),
            "{input}"
        );
    }
    assert_eq!(runtime.state::<u32>("RUNS").unwrap(), Some(12));
}

#[test]
fn items_stay_ordinary_rust() {
    // Outside of any call a static is what it was declared as.
    assert_eq!(app::join("a,b".into(), 1), "b,a");
}
