//! Functions that panic and trap: a node says where in the user's own source.

use crate::{make, node::Node};
use std::fs;

const SOURCE: &str = r#"//! Falls in every way.

mod deep;

#[skylark::function]
pub fn panics(at: usize) -> u32 {
    [1, 2, 3].into_iter().nth(at).expect("there are three")
}

#[skylark::function]
pub fn index(at: usize) -> u32 {
    deep::at(&[1, 2, 3], at)
}

#[skylark::function]
pub fn divides(by: i32) -> i32 {
    deep::divided(7, by)
}

#[skylark::function]
pub fn unreachable(n: u32) -> u32 {
    deep::level(n)
}

#[skylark::function]
pub fn inlined(n: u32) -> u32 {
    if n == 0 {
        trap();
    }
    n
}

#[skylark::function]
pub fn recurses(n: u64) -> u64 {
    deep::Well { n }.dig(1)
}

#[skylark::function(memory = "4 MiB")]
pub fn hoards(n: usize) -> usize {
    deep::hoard(n)
}

pub(crate) fn trap() {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
}
"#;

const DEEP: &str = r#"use std::hint::black_box;

#[inline(never)]
pub(crate) fn at(all: &[u32], at: usize) -> u32 {
    all[at]
}

#[inline(never)]
pub(crate) fn divided(a: i32, by: i32) -> i32 {
    a / by
}

#[inline(never)]
pub(crate) fn level(n: u32) -> u32 {
    if n == 0 {
        crate::trap();
        return 0;
    }
    black_box(level(black_box(n - 1))) + 1
}

pub(crate) struct Well {
    pub(crate) n: u64,
}

impl Well {
    #[inline(never)]
    pub(crate) fn dig(&self, deeper: u64) -> u64 {
        black_box(self.dig(black_box(deeper + self.n))) + 1
    }
}

#[inline(never)]
pub(crate) fn hoard(n: usize) -> usize {
    let mut all = Vec::new();
    for _ in 0..n {
        all.push(black_box(vec![1_u8; 1 << 20]));
    }
    all.len()
}
"#;

#[test]
fn panics_and_traps_name_the_users_source() {
    let here = tempfile::tempdir().unwrap();
    let app = make(here.path(), "falls");
    fs::write(app.join("src/lib.rs"), SOURCE).unwrap();
    fs::write(app.join("src/deep.rs"), DEEP).unwrap();
    let node = Node::start(&here.path().join("node"));
    let (code, _, error) = node.skylark(&app, &["deploy"]);
    assert_eq!(code, 0, "{error}");

    let line =
        |source: &str, text: &str| 1 + source.lines().position(|l| l.contains(text)).unwrap();
    let nth = format!("panicked at src/lib.rs:{}:", line(SOURCE, "nth(at)"));
    let at = format!("panicked at src/deep.rs:{}:", line(DEEP, "all[at]"));
    let by = format!("panicked at src/deep.rs:{}:", line(DEEP, "a / by"));
    for (function, input, wanted) in [
        ("panics", "3", [nth.as_str(), "there are three"]),
        ("index", "3", [&at, "the len is 3 but the index is 3"]),
        ("divides", "0", [&by, "divide by zero"]),
        (
            "unreachable",
            "2",
            [
                "`unreachable` instruction",
                " in `falls::deep::level`, called by `falls::unreachable`",
            ],
        ),
        (
            "inlined",
            "0",
            ["`unreachable` instruction", " in `falls::inlined`"],
        ),
        (
            "recurses",
            "1",
            [
                "overflowed its stack in `falls::deep::Well::dig`",
                "recurse less deeply",
            ],
        ),
        (
            "hoards",
            "9",
            [
                "of memory in `falls::deep::hoard`, called by `falls::hoards`",
                "`memory` of 4 MiB",
            ],
        ),
    ] {
        let check = |what: &str, text: &str| {
            for wanted in wanted {
                assert!(
                    text.contains(wanted),
                    "{function}, {what}: no {wanted:?} in {text}"
                );
            }
            assert!(
                !text.contains(here.path().to_str().unwrap()),
                "{function}, {what}: {text}"
            );
        };
        let (code, out, error) = node.skylark(&app, &["invoke", function, input, "--json"]);
        assert_eq!(code, 1, "{function}: {out}{error}");
        check("the problem", &error);
        let id = &error[error.find("falls.").expect("the run's id")..];
        let end = id.find(|c: char| !c.is_alphanumeric() && c != '.');
        let id = &id[..end.unwrap_or(id.len())];
        let (_, run, error) = node.skylark(&app, &["runs", id]);
        check("the run", &format!("{run}{error}"));
        let log = node.log();
        check(
            "the log",
            log.lines().rev().find(|l| l.contains(id)).unwrap_or(&log),
        );
    }
}
