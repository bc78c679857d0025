//! Modules and a node for the tests over HTTP.

// Each test program uses its own part of this.
#![allow(dead_code)]

pub(crate) mod eventually;
pub(crate) mod guests;
pub(crate) mod modules;
pub(crate) mod served;
