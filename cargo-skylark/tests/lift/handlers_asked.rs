//! Without a router nobody says which functions are called from outside.

use parking_lot::Mutex;
use std::cell::Cell;

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

lazy_static::lazy_static! {
    static ref NAME: String = "log".to_owned();
}

/// Notes a line.
pub fn note(line: String) -> usize {
    LOG.lock().push(line);
    length()
}

pub fn double(n: u32) -> u32 {
    2 * n
}

fn length() -> usize {
    LOG.lock().len()
}
