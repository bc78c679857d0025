//! An app under the strictest lints, without a prelude, that has the runtime
//! renamed in its Cargo.toml. That it compiles is the test; `hygiene.rs` runs it.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]
#![deny(clippy::all, clippy::pedantic)]
// Of handlers, not of what they expand to: arguments are owned.
#![allow(clippy::needless_pass_by_value, clippy::unused_async)]

/// How often [`last`] ran.
#[::bird::state(default = 10)]
pub static RUNS: ::std::sync::Mutex<u32> = ::std::sync::Mutex::new(0);

#[::bird::state(scope = chain)]
::std::thread_local! {
    /// How many bytes went through this run.
    pub static BYTES: ::std::cell::Cell<usize> = const { ::std::cell::Cell::new(0) };
}

/// Cuts a text in two.
///
/// # Errors
/// It has no comma.
#[::bird::chain(next = join, timeout = "2s")]
pub async fn split(
    text: ::std::string::String,
) -> ::core::result::Result<(::std::string::String, usize), ::std::string::String> {
    BYTES.set(BYTES.get() + text.len());
    match text.find(',') {
        ::core::option::Option::Some(comma) => ::core::result::Result::Ok((text, comma)),
        ::core::option::Option::None => {
            ::core::result::Result::Err(::std::string::ToString::to_string("no comma"))
        }
    }
}

/// Puts it together the other way round.
#[::bird::chain(next = inner::last)]
#[must_use]
pub fn join(text: ::std::string::String, comma: usize) -> ::std::string::String {
    BYTES.set(BYTES.get() + text.len());
    let (left, right) = text.split_at(comma);
    ::std::format!("{},{left}", right.trim_start_matches(','))
}

/// The end of the chain.
pub mod inner {
    /// Adds the numbers.
    #[::bird::function(name = "the-last")]
    #[must_use]
    pub fn last(text: ::std::string::String) -> (::std::string::String, usize, u32) {
        let mut runs = match super::RUNS.lock() {
            ::core::result::Result::Ok(runs) => runs,
            ::core::result::Result::Err(poisoned) => poisoned.into_inner(),
        };
        *runs += 1;
        (text, super::BYTES.get(), *runs)
    }
}
