//! Expansions name everything by its full path.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic)]

/// State.
#[::skylark::state(default = 1)]
pub static SEEN: ::std::sync::Mutex<u32> = ::std::sync::Mutex::new(0);

#[::skylark::state]
::std::thread_local! {
    static HITS: ::std::cell::Cell<u32> = const { ::std::cell::Cell::new(0) };
    static LOG: ::std::cell::RefCell<::std::vec::Vec<u8>> = ::std::cell::RefCell::new(::std::vec::Vec::new());
}

/// A link.
#[::skylark::chain(next = add)]
pub async fn split(x: u8) -> ::core::result::Result<(u8, u8), ::std::string::String> {
    ::core::result::Result::Ok((x, x))
}

/// Another.
#[::skylark::chain(next = last)]
#[must_use]
pub fn add(a: u8, b: u8) -> u8 {
    HITS.set(HITS.get() + 1);
    LOG.with_borrow_mut(|log| log.push(a));
    a + b
}

/// The last.
#[::skylark::function(timeout = "2s")]
#[must_use]
pub fn last(x: u8) -> u8 {
    x
}

fn main() {
    ::std::assert_eq!(last(1), 1);
}
