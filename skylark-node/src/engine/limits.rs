//! The bound on a guest's memory.

use wasmtime::ResourceLimiter;

/// Refuses growth past a limit and remembers it: a guest that aborts because
/// an allocation failed does not say so.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    /// The limit in bytes.
    pub(super) limit: u64,
    /// What was asked for and refused, in bytes.
    pub(super) refused: Option<u64>,
}

impl MemoryLimit {
    pub(super) const fn new(limit: u64) -> Self {
        Self {
            limit,
            refused: None,
        }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired as u64 <= self.limit;
        if !fits {
            self.refused = Some(desired as u64);
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Tables are bounded by the pool: see `setup::MAX_TABLE_ELEMENTS`.
        Ok(true)
    }
}
