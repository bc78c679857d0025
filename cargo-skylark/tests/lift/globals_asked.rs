//! Globals that lift cannot decide.

use dashmap::DashMap;
use std::sync::{LazyLock, Mutex, OnceLock};
use std::time::Instant;

static mut COUNT: u64 = 0;
static CACHE: LazyLock<DashMap<String, u32>> = LazyLock::new(DashMap::new);
static STARTED: Mutex<Option<Instant>> = Mutex::new(None);
static CONFIG: OnceLock<String> = OnceLock::new();
