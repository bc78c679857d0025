//! Pictures of a run.

pub mod boxes;
pub mod timeline;
