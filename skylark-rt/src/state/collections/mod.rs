//! State too large to be read whole: what is read and written of it is single
//! entries, and ranges of them.
//!
//! [`Core`] does all of it, in terms of texts and bytes; [`Map`], [`List`] and
//! [`Counter`] put types on it. Their writes take `&mut self`, as those of any
//! collection; a `static` of one is a [`Shared`], which writes by `&self`.

mod core;
mod counter;
mod key;
mod list;
mod map;
mod place;
mod scan;

#[cfg(test)]
mod tests;

#[cfg(not(target_family = "wasm"))]
pub(crate) use key::read as read_key;
pub use {
    counter::Counter,
    key::{AsKey, Key, KeyText},
    list::List,
    map::Map,
    place::{Collection, CollectionDef, Shared, collection, collection_of},
    scan::{Keys, Scan, Values},
};
