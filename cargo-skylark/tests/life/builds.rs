//! Init objects: how often they are built, and that nobody stores them.

use crate::{make, node::Node};
use std::fs;

const SOURCE: &str = r#"//! Builds a table.

use skylark::prelude::*;
use std::sync::{LazyLock, atomic::{AtomicU32, Ordering}};

/// How often the table was built.
#[skylark::state]
static BUILT: AtomicU32 = AtomicU32::new(0);

#[skylark::init]
static SQUARES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    BUILT.fetch_add(1, Ordering::Relaxed);
    (0..100).map(|n| n * n).collect()
});

#[skylark::function]
pub fn squares(of: Vec<usize>) -> u64 {
    of.into_iter().map(|n| SQUARES[n]).sum()
}

#[skylark::function]
pub fn built() -> u32 {
    BUILT.load(Ordering::Relaxed)
}

/// Runs in one instance with its successor.
#[skylark::chain(next = root)]
pub fn square(n: usize) -> u64 {
    SQUARES[n]
}

#[skylark::function]
pub fn root(of: u64) -> Option<usize> {
    SQUARES.iter().position(|n| *n == of)
}

/// Is executed twice.
#[skylark::function]
pub async fn later(n: usize) -> u64 {
    let before = SQUARES[n];
    skylark::sleep(std::time::Duration::from_millis(1)).await;
    before + SQUARES[n]
}
"#;

#[test]
fn an_init_object_is_built_once_by_each_instance_that_uses_it() {
    let here = tempfile::tempdir().unwrap();
    let app = make(here.path(), "builds");
    fs::write(app.join("src/lib.rs"), SOURCE).unwrap();
    let node = Node::start(&here.path().join("node"));
    let (code, _, error) = node.skylark(&app, &["deploy"]);
    assert_eq!(code, 0, "{error}");
    let call = |function: &str, input: &str| {
        let (code, out, error) = node.skylark(&app, &["invoke", function, input]);
        assert_eq!(code, 0, "{function}: {out}{error}");
        out.trim().to_owned()
    };
    // Who does not use it builds nothing; several uses are one building; the second of a
    // fused chain finds what the first has built; each execution has its own.
    for (function, input, output, built) in [
        ("squares", "[]", "0", "0"),
        ("squares", "[3, 4, 5]", "50", "1"),
        ("squares", "[6]", "36", "2"),
        ("square", "7", "7", "3"),
        ("later", "8", "128", "4"),
    ] {
        assert_eq!(call(function, input), output, "{function}");
        assert_eq!(call("built", "null"), built, "{function} {input}");
    }
    let (_, states, error) = node.skylark(&app, &["state", "ls"]);
    assert!(
        states.contains("BUILT") && !states.contains("SQUARES"),
        "{states}{error}"
    );
}
