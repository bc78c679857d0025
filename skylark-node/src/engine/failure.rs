//! How a call's end becomes a [`Failure`] that says what, where and how to mend.

use super::{host::Guest, trace};
use skylark_abi::{
    Schema,
    call::{Failure, FailureKind},
};
use std::time::Duration;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

/// Longest text of a guest's own that goes into a message, in bytes.
const MAX_QUOTE: usize = 1024;

/// A failure on its way out through the guest's frames.
#[derive(Debug)]
pub(super) struct Ended(pub(super) Failure);

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ended {}

/// The module does something that the contract does not allow.
pub(super) fn contract(what: impl std::fmt::Display) -> wasmtime::Error {
    Ended(Failure::new(
        FailureKind::Contract,
        format!(
            "the module breaks the contract: {what}; build it with the `skylark-rt` of this release"
        ),
    ))
    .into()
}

/// The call ran out of time.
pub(super) fn timeout(limit: Duration) -> Failure {
    Failure::new(
        FailureKind::Timeout,
        format!(
            "it ran longer than its time limit `timeout` of {limit:?}; let it do less, or raise the limit \
             with `timeout = \"…\"` on the function or `timeout` on the node"
        ),
    )
}

/// No instance came free.
pub(super) fn pool_exhausted(instances: u32, waited: Duration) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        format!(
            "all {instances} instances of the node (option `instances`) were in use for {waited:?} (option \
             `instance-wait`); try again later, or raise `instances`"
        ),
    )
}

/// Says why the guest ended. `schema` is its app's, if it is one, and `stack` the limit
/// on its stack in bytes.
pub(super) fn explain(
    error: &wasmtime::Error,
    guest: &Guest,
    schema: Option<&Schema>,
    stack: usize,
) -> Failure {
    if let Some(Ended(failure)) = error.downcast_ref() {
        return failure.clone();
    }
    let trap = error.downcast_ref::<Trap>().copied();
    let exit = error.downcast_ref::<I32Exit>();
    let place = || trace::place(error, schema);
    let gave_up = trap.is_none() || trap == Some(Trap::UnreachableCodeReached);
    if let (Some(refused), true) = (guest.memory_limit.refused, gave_up) {
        return Failure::new(
            FailureKind::Memory,
            format!(
                "it asked for {} of memory{}, past its limit `memory` of {}; let it hold less at a time, or \
                 raise the limit with `memory = \"…\"` on the function or `memory` on the node{}",
                bytes(refused),
                place(),
                bytes(guest.memory_limit.limit),
                last_words(guest)
                    .map(|words| format!(" ({words})"))
                    .unwrap_or_default(),
            ),
        );
    }
    if let Some(limit) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        return Failure::new(
            FailureKind::Unavailable,
            format!(
                "the node's instance pool is used up: {limit}; try again later, or raise `instances`"
            ),
        );
    }
    let message = match (trap, exit) {
        (Some(Trap::StackOverflow), _) => format!(
            "it overflowed its stack{}, whose limit `stack` is {}; recurse less deeply, or raise `stack`",
            place(),
            bytes(stack as u64)
        ),
        (Some(trap), _) => match last_words(guest) {
            Some(panic @ Words::Panic(_)) => panic.to_string(),
            Some(words) => format!("{words}{}", place()),
            None => {
                let what = trap.to_string();
                let what = what.strip_prefix("wasm trap: ").unwrap_or(&what);
                format!("it trapped: {what}{}", place())
            }
        },
        (None, Some(I32Exit(code))) => {
            let words = last_words(guest)
                .map(|w| format!(": {w}"))
                .unwrap_or_default();
            format!("it ended itself with `exit({code})`{words}; a function must return")
        }
        (None, None) => format!("it failed: {error:#}"),
    };
    Failure::new(FailureKind::Trap, message)
}

/// What a guest said last.
enum Words {
    /// A panic's message, which has its place.
    Panic(String),
    /// A line of its error output.
    Line(String),
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panic(message) => f.write_str(message),
            Self::Line(line) => write!(f, "it trapped after saying: {line}"),
        }
    }
}

/// The panic message, or else the last line of the error output.
fn last_words(guest: &Guest) -> Option<Words> {
    let tail = guest.voice()?.tail();
    panic_message(&tail).map(Words::Panic).or_else(|| {
        let last = tail.lines().rev().map(str::trim).find(|l| !l.is_empty())?;
        Some(Words::Line(quote(last).to_owned()))
    })
}

/// `panicked at src/lib.rs:12:5: index out of bounds: …` from what Rust's
/// panic handler writes.
fn panic_message(tail: &str) -> Option<String> {
    let text = &tail[tail.rfind("panicked at ")?..];
    let end = ["\nnote: run with", "\nstack backtrace:"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min();
    let text = text[..end.unwrap_or(text.len())].trim_end();
    let one_line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    Some(quote(&at_home(&one_line)).to_owned())
}

/// `panicked at path:line:column: …` with a path that tells nothing of the machine that
/// built the module: that of a dependency begins at its package, that of the standard
/// library at `library`.
fn at_home(text: &str) -> String {
    const FRONT: &str = "panicked at ";
    let Some(path) = text
        .strip_prefix(FRONT)
        .filter(|path| path.starts_with('/'))
    else {
        return text.to_owned();
    };
    let end = path.find(".rs:").unwrap_or(path.len());
    let (path, rest) = path.split_at(end);
    // What stands before a package in cargo's and rustc's directories.
    let marks = [
        ("/registry/src/", 1),
        ("/git/checkouts/", 0),
        ("/rustc/", 1),
        ("/lib/rustlib/src/rust/", 0),
    ];
    let known = marks.iter().find_map(|(mark, more)| {
        let (_, after) = path.rsplit_once(mark)?;
        after.splitn(more + 1, '/').last()
    });
    let shown = known.unwrap_or_else(|| {
        // Of any other package, its directory and what is inside.
        let package = path.rfind("/src/").unwrap_or(path.len());
        let package = path[..package].rfind('/').map_or(0, |slash| slash + 1);
        &path[package..]
    });
    format!("{FRONT}{shown}{rest}")
}

fn quote(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_QUOTE)]
}

/// A size for people: `64 MiB`, or bytes where it is no round number.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS
        .iter()
        .find(|(_, size)| n >= *size && n.is_multiple_of(*size))
    {
        Some((unit, size)) => format!("{} {unit}", n / size),
        None => format!("{n} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_messages_are_read_from_error_output() {
        let check = |tail: &str, expected: Option<&str>| {
            assert_eq!(panic_message(tail).as_deref(), expected, "from {tail:?}");
        };
        check("", None);
        check("hello\n", None);
        check(
            "\nthread '<unnamed>' panicked at src/lib.rs:12:5:\nindex out of bounds: the len is 3 but the index is 7\n\
             note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
            Some(
                "panicked at src/lib.rs:12:5: index out of bounds: the len is 3 but the index is 7",
            ),
        );
        check(
            "thread 'main' (1) panicked at a.rs:1:1:\nfirst\nthread 'main' (1) panicked at b.rs:2:2:\ntwo\nlines",
            Some("panicked at b.rs:2:2: two lines"),
        );
    }

    #[test]
    fn places_tell_nothing_of_the_builders_machine() {
        let check = |path: &str, shown: &str| {
            assert_eq!(
                at_home(&format!("panicked at {path}:12:5: oh /src/x.rs:1")),
                format!("panicked at {shown}:12:5: oh /src/x.rs:1")
            );
        };
        check("src/lib.rs", "src/lib.rs");
        check("examples/bank/src/east.rs", "examples/bank/src/east.rs");
        check("/home/ann/shop/src/a/b.rs", "shop/src/a/b.rs");
        check("/home/ann/odd.rs", "odd.rs");
        check(
            "/home/ann/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/hashbrown-0.17.1/src/map.rs",
            "hashbrown-0.17.1/src/map.rs",
        );
        check(
            "/root/.cargo/git/checkouts/log-12ab/34cd/src/lib.rs",
            "log-12ab/34cd/src/lib.rs",
        );
        check(
            "/rustc/59807616e1fa/library/core/src/option.rs",
            "library/core/src/option.rs",
        );
        check(
            "/usr/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs",
            "library/alloc/src/vec/mod.rs",
        );
    }

    #[test]
    fn a_long_quote_is_cut_at_a_character() {
        let text = "é".repeat(MAX_QUOTE);
        assert_eq!(quote(&text).len(), MAX_QUOTE);
        let text = format!("x{text}");
        assert_eq!(quote(&text).len(), MAX_QUOTE - 1);
    }

    #[test]
    fn sizes_read_well() {
        for (n, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (65536, "64 KiB"),
            (64 << 20, "64 MiB"),
            (3 << 30, "3 GiB"),
            ((64 << 20) + 1, "67108865 bytes"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }
}
