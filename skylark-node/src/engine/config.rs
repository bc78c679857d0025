//! The engine's options and a call's limits.

use std::{path::PathBuf, time::Duration};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Options of an [`super::Engine`]. Messages call them by the node's names for
/// them, given in parentheses where they are not the fields' own.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// (`instances`) Instances that may exist at once; a call beyond them waits for one, at
    /// most [`EngineConfig::pool_wait`]. Each reserves 4 GiB of address space.
    pub pool_instances: u32,
    /// (`instance-wait`) How long a call waits for a free instance before it is refused.
    pub pool_wait: Duration,
    /// Linear memory that the pool keeps mapped in each idle slot, in bytes:
    /// up to this much of what a call has written is reset by copying, the rest
    /// is given back to the system and faulted in again.
    pub keep_resident: usize,
    /// Most linear memory that any call may have, in bytes, whatever its
    /// function's `memory` option says.
    pub max_memory: u64,
    /// Longest run time of any call, whatever its function's `timeout` option
    /// says.
    pub max_timeout: Duration,
    /// Stack of a guest's calls, in bytes.
    pub stack: usize,
    /// Period of the clock at which running guests let other tasks run and
    /// have their time limit checked.
    pub epoch_tick: Duration,
    /// Largest module, in bytes.
    pub max_module: u64,
    /// Where compiled modules are kept; nowhere if `None`. The folder must
    /// belong to the node's user and be closed to others: what is in it is run
    /// as machine code.
    pub cache_dir: Option<PathBuf>,
    /// Most that the compiled modules in `cache_dir` may take, in bytes; the
    /// ones not used for longest are removed.
    pub max_cache: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            pool_instances: 1_000,
            pool_wait: Duration::from_secs(5),
            keep_resident: MIB as usize,
            max_memory: 1024 * MIB,
            max_timeout: Duration::from_secs(300),
            stack: 512 * KIB as usize,
            epoch_tick: Duration::from_millis(5),
            max_module: 64 * MIB,
            cache_dir: None,
            max_cache: 2048 * MIB,
        }
    }
}

/// Limits of one call. `memory` and `timeout` are what a function gets that
/// does not say otherwise; its own options override them, up to
/// [`EngineConfig::max_memory`] and [`EngineConfig::max_timeout`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLimits {
    /// Linear memory, in bytes.
    pub memory: u64,
    /// Run time, waiting for state included.
    pub timeout: Duration,
    /// (`max-output`) Largest response (output, writes and successors together; for a command
    /// its standard output), in bytes.
    pub output: usize,
    /// Most log lines, standard output and error included, that are passed on
    /// to the node's log.
    pub log_lines: u32,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory: 256 * MIB,
            timeout: Duration::from_secs(30),
            output: 64 * MIB as usize,
            log_lines: 1_000,
        }
    }
}
