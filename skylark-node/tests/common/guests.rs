//! The modules of `examples/`, as `cargo xtask test guests` builds them.

use bytes::Bytes;
use std::path::PathBuf;

/// A module of `examples/`.
pub(crate) fn guest(name: &str) -> Bytes {
    let release = "guest/wasm32-wasip1/release";
    let directory = match std::env::var_os("SKYLARK_GUESTS") {
        Some(directory) => PathBuf::from(directory),
        // target/debug/deps/waits-… → target
        None => std::env::current_exe()
            .expect("its path")
            .ancestors()
            .nth(3)
            .expect("the target directory")
            .join(release),
    };
    let path = directory.join(format!("{name}.wasm"));
    let wasm = std::fs::read(&path).unwrap_or_else(|e| {
        panic!(
            "{}: {e}; build the examples first: cargo xtask test guests",
            path.display()
        )
    });
    wasm.into()
}
