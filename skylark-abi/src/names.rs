//! Names in the wasm module, in one place, with their grammar.
//!
//! | item | name | signature |
//! | --- | --- | --- |
//! | allocator | [`ALLOC`] | `(len: i32) -> ptr: i32`, 8-aligned, owned by the callee of the next call |
//! | call entry | [`function_export`]`(name)` | `(ptr: i32, len: i32) -> packed: i64` |
//! | last words | [`FAILURE`] | `() -> packed: i64`, optional |
//! | the wait it ended with | [`SUSPENDED`] | `() -> packed: i64`, optional |
//! | fetch a state | [`IMPORT_MODULE`]`.`[`STATE_FETCH`] | `(scope: i32, name: i32, name_len: i32) -> len: i64` |
//! | fetch a keyed state | [`IMPORT_MODULE`]`.`[`STATE_FETCH_KEY`] | `(name: i32, name_len: i32, key: i32, key_len: i32) -> len: i64` |
//! | go on after a wait | [`IMPORT_MODULE`]`.`[`RESUMED`] | `(unix_us: i64)` |
//! | fetch parts of states | [`IMPORT_MODULE`]`.`[`STATE_FETCH_PARTS`] | `(list: i32, list_len: i32) -> len: i64` |
//! | take what was fetched | [`IMPORT_MODULE`]`.`[`STATE_TAKE`] | `(dst: i32, len: i32)` |
//! | log one line | [`IMPORT_MODULE`]`.`[`LOG`] | `(level: i32, text: i32, len: i32)` |
//!
//! A call entry takes a [`crate::call::CallRequest`] and returns the address
//! (high 32 bits) and length (low 32 bits) of a [`crate::call::CallResponse`].
//! A response that says [`lasts`](crate::call::CallResponse::lasts) may be followed
//! by another call in the same instance; its memory is the guest's again then.
//! `STATE_FETCH` returns [`ABSENT`] for a variable that was never written;
//! store failures end the call from the host's side.

/// Version of the whole contract; grows with each incompatible change.
pub const ABI_VERSION: u32 = 1;
/// The one module name that a guest imports from, besides WASI preview 1.
pub const IMPORT_MODULE: &str = "skylark_v1";
/// Reads a state variable that the request did not carry.
pub const STATE_FETCH: &str = "state_fetch";
/// Reads a state variable of one key.
pub const STATE_FETCH_KEY: &str = "state_fetch_key";
/// Reads several variables or parts of them at once: takes an encoded list of
/// [`crate::call::Variable`], and gives one of [`crate::call::Field`].
pub const STATE_FETCH_PARTS: &str = "state_fetch_parts";
/// Sets the guest's clock to when what it waited for was made.
pub const RESUMED: &str = "resumed";
/// Copies the value that the last [`STATE_FETCH`] announced.
pub const STATE_TAKE: &str = "state_take";
/// Hands one log line to the host (levels: 1 error … 5 trace).
pub const LOG: &str = "log";
/// What [`STATE_FETCH`] returns for a variable that was never written.
pub const ABSENT: i64 = -1;
/// The guest's allocator.
pub const ALLOC: &str = "skylark_alloc";
/// After a trap: address and length (as [`pack`] does) of the
/// [`crate::call::Failure`] that the guest ended itself with; 0 if it trapped
/// for any other reason. A module need not export it.
pub const FAILURE: &str = "skylark_failure";
/// After a trap: address and length (as [`pack`] does) of the
/// [`crate::call::CallResponse`] of a guest that waits deep in code that cannot be
/// left by returning; 0 if it trapped for any other reason. A module need not export
/// it.
pub const SUSPENDED: &str = "skylark_suspended";
/// Name of the custom section with the schema.
pub const SECTION: &str = "skylark.schema";
/// Name of the custom section with the shapes of what is stored
/// ([`crate::shape::Shapes`]); written by `cargo skylark build`, absent after a
/// plain `cargo build`.
pub const SHAPES: &str = "skylark.shapes";
/// Name of the custom section with what a build has seen of the functions; see
/// [`crate::hints`]. A module need not have it.
pub const HINTS: &str = "skylark.hints";
/// Prefix of every call entry.
pub const FUNCTION_PREFIX: &str = "skylark_fn_";
/// Longest name of a Rust function that a build keeps and a trap shows, in bytes; the rest
/// of a longer one tells little.
pub const MAX_SHOWN: usize = 120;
/// Called once on a fresh instance, if exported (a WASI reactor's start).
pub const INITIALIZE: &str = "_initialize";

/// The export that runs the function `name`.
pub fn function_export(name: &str) -> String {
    format!("{FUNCTION_PREFIX}{name}")
}

/// Whether a function of this name (demangled, without its hash) is written in the crate
/// of this library name: `app::f`, `<app::S>::f`, `<T as app::Tr>::f`, not
/// `Vec::<app::S>::push`. Of a module's names a build keeps these and those of call
/// entries, and a trap tells them.
pub fn is_of_crate(function: &str, library: &str) -> bool {
    let within = |path: &str| {
        let rest = path.strip_prefix(library);
        rest.is_some_and(|rest| rest.starts_with("::"))
    };
    // What a type may begin with before its path.
    let start = function.trim_start_matches(['<', '&', '*', '[', '(']);
    let start = ["mut ", "const ", "dyn "]
        .iter()
        .fold(start, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    let of_trait = || function.split_once(" as ").map(|(_, after)| after);
    within(start) || function.starts_with('<') && of_trait().is_some_and(within)
}

/// Longest key of a keyed state variable, or of an entry of a collection, in bytes.
pub const MAX_KEY: usize = 512;

/// Most entries of a collection in one read; a longer scan takes several.
pub const MAX_PAGE: u32 = 256;

/// Longest name of an app, function or state variable, in bytes.
pub const MAX_NAME: usize = 64;

/// Whether `name` may name an app, function or state variable:
/// `[A-Za-z_][A-Za-z0-9_-]*`, at most [`MAX_NAME`] bytes. It goes into URLs,
/// wasm exports and store keys, and needs no escaping in any of them.
pub fn is_valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= MAX_NAME
        && bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Packs an address and a length as a call entry returns them.
pub const fn pack(ptr: u32, len: u32) -> i64 {
    (((ptr as u64) << 32) | len as u64) as i64
}

/// Undoes [`pack`].
pub const fn unpack(packed: i64) -> (u32, u32) {
    ((packed as u64 >> 32) as u32, packed as u64 as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_told_by_the_crate_they_are_written_in() {
        let check = |own: bool, names: &[&str]| {
            for name in names {
                assert_eq!(is_of_crate(name, "app"), own, "{name}");
            }
        };
        check(
            true,
            &[
                "app::f",
                "app::f::{closure#0}",
                "<app::S>::f",
                "<&mut app::S as core::fmt::Debug>::fmt",
                "<[app::S] as app::Sum>::sum",
                "<u32 as app::Sum>::sum",
                "<dyn app::Sum>::twice",
            ],
        );
        check(
            false,
            &[
                "",
                "app",
                "apple::f",
                "my::app::f",
                "core::ptr::drop_in_place::<app::S>",
                "<alloc::vec::Vec<app::S>>::push",
                "skylark_fn_f",
            ],
        );
    }
}
