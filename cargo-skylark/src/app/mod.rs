//! An app on disk: its package, its sources, its module.

pub mod build;
pub mod diagnostics;
pub mod emitted;
pub mod fixes;
mod function_names;
pub mod lift;
pub mod module;
pub mod new;
pub mod project;
pub mod revision;
pub mod schema_table;
pub mod settings;
pub mod sources;
pub mod standalone;
pub mod target;
