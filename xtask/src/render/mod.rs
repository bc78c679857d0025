//! Pictures of a run.

pub(crate) mod boxes;
pub(crate) mod timeline;
