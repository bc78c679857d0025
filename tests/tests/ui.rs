//! What users see. One diagnostic per file in `ui/fail/<cause>/`, beside it
//! rustc's words; every shape that must compile in `ui/pass/`.
//!
//! Accept new words with: `TRYBUILD=overwrite cargo test -p skylark-tests --test ui`.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*/*.rs");
}
