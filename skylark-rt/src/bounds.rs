//! What rustc asks of the user's types, in the user's words.
//!
//! The blanket implementations are not recommended in diagnostics, so that one
//! message of ours stands for the several traits of serde's behind it.

use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Display;

/// A type that a state variable may store.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as state: it does not implement serde's traits",
    label = "cannot be stored",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to it, or to the types that it is made of",
    note = "for types of other crates, look for their `serde` feature"
)]
pub trait Stored: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Stored for T {}

/// A type that an argument may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a Skylark function: it does not implement `serde::Deserialize`",
    label = "cannot be decoded",
    note = "add `#[derive(serde::Deserialize)]` to it, or to the types that it is made of",
    note = "for types of other crates, look for their `serde` feature"
)]
pub trait Input: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Input for T {}

/// A type that a function may yield.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a Skylark function: it does not implement `serde::Serialize`",
    label = "cannot be encoded",
    note = "add `#[derive(serde::Serialize)]` to it, or to the types that it is made of",
    note = "for types of other crates, look for their `serde` feature"
)]
pub trait Output: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Output for T {}

/// A type that a function may return as its `Err`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a Skylark function: it does not implement `std::fmt::Display`",
    label = "cannot be shown to the caller",
    note = "implement `std::fmt::Display` for it, derive `thiserror::Error`, or return `anyhow::Error` or `String`"
)]
pub trait Problem: Display {}

#[diagnostic::do_not_recommend]
impl<T: Display> Problem for T {}

/// A type that goes to another function as an argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a call: it does not implement `serde::Serialize`",
    label = "cannot be encoded",
    note = "add `#[derive(serde::Serialize)]` to it, or to the types that it is made of",
    note = "for types of other crates, look for their `serde` feature"
)]
pub trait Passed: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Passed for T {}

/// A type that a server outside answers with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an answer from outside: it does not implement `serde::Deserialize`",
    label = "cannot be decoded",
    note = "add `#[derive(serde::Deserialize)]` to it, or to the types that it is made of",
    note = "for types of other crates, look for their `serde` feature"
)]
pub trait Answered: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Answered for T {}

/// A type whose values may be recorded.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded: it does not implement serde's traits",
    label = "cannot be recorded",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to it, or to the types that it is made of",
    note = "for types of other crates, look for their `serde` feature"
)]
pub trait Recorded: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Recorded for T {}
