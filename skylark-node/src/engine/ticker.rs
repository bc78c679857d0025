//! The clock by which running guests let others run.

use super::EngineError;
use std::{thread, time::Duration};

/// Starts the thread that advances `engine`'s epoch every `tick`. It ends by
/// itself within one tick after the engine is gone: it holds no more than a
/// weak reference.
pub(super) fn start(engine: &wasmtime::Engine, tick: Duration) -> Result<(), EngineError> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("skylark-epoch".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(tick);
            }
        })
        .map(drop)
        .map_err(EngineError::Thread)
}
