//! Why an engine cannot start and why a module is refused.

use skylark_abi::schema::SchemaError;
use std::path::PathBuf;

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An option's value makes no sense.
    #[error("option `{option}`: {why}")]
    Option {
        /// The option of the node: a field of [`super::EngineConfig`].
        option: &'static str,
        /// What is wrong and what is allowed.
        why: String,
    },
    /// wasmtime refused the configuration or the system refused the memory.
    #[error(
        "the instance pool cannot be set up for {instances} instances: {why:#}; \
         if address space is limited (`ulimit -v`, a container), lower the option `instances`"
    )]
    Pool {
        /// [`super::EngineConfig::pool_instances`].
        instances: u32,
        /// wasmtime's reason.
        why: wasmtime::Error,
    },
    /// The folder of compiled modules is of no use.
    #[error("the folder of compiled modules {}: {why}", path.display())]
    Cache {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong and how to mend it.
        why: String,
    },
    /// The clock's thread could not be started.
    #[error("the epoch clock's thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// Why a module is refused. The text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is something else than a core WebAssembly module.
    #[error("this is no WebAssembly module but {found}; {mend}")]
    NotWasm {
        /// What it looks like.
        found: &'static str,
        /// What to send instead.
        mend: &'static str,
    },
    /// It begins as a module but does not hold together.
    #[error(
        "the module is malformed at byte {offset}: {why}; build it again, and check that it arrived whole"
    )]
    Malformed {
        /// Where.
        offset: u64,
        /// The parser's reason.
        why: String,
    },
    /// It is larger than [`super::EngineConfig::max_module`].
    #[error(
        "the module has {size} bytes, past the limit `max-module` of {limit}; build it with \
         `--release` and `strip = true`, or raise `max-module`"
    )]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It has no schema, or one that this node does not understand. All faults.
    #[error("{}", join(.0))]
    Schema(Vec<SchemaError>),
    /// It lacks what its schema or the contract promises.
    #[error("the module does not export `{name}` {expected}: {found}; {mend}")]
    Export {
        /// The export.
        name: String,
        /// Its kind and signature by the contract.
        expected: &'static str,
        /// What is there instead.
        found: String,
        /// How to mend it.
        mend: &'static str,
    },
    /// It imports what this node does not have.
    #[error("the module imports `{module}`.`{name}`, which this node does not provide: {hint}")]
    UnknownImport {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// What may have brought it in, and what to do.
        hint: String,
    },
    /// Its memory starts larger than any call may have.
    #[error(
        "the module's memory starts with {initial} bytes, past the limit `max-memory` of {limit}; \
         shrink its static data, or raise `max-memory`"
    )]
    Memory {
        /// Its initial memory in bytes.
        initial: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Its imports have other types than the node's.
    #[error(
        "the module's imports do not fit this node: {0:#}; build it with the `skylark-rt` of this release"
    )]
    Link(wasmtime::Error),
    /// The compiler refused it.
    #[error("the module cannot be compiled: {0:#}")]
    Compile(wasmtime::Error),
    /// The node is stopping, so its compiler threads are gone.
    #[error("the node is stopping; send the module to another, or again when it is back")]
    Stopping,
}

fn join(errors: &[SchemaError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("; ")
}
