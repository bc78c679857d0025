//! The `skylark-node` command.

use skylark_node::{
    config::{self, Loaded},
    daemon, shutdown,
};
use std::process::ExitCode;

/// What a call allocates on one thread is often freed on another: this takes
/// that better than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match config::load(std::env::args_os(), |name| std::env::var(name).ok()) {
        Ok(Loaded::Print(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Loaded::Run(config)) => match daemon::run(*config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => shutdown::report(&error),
        },
        Err(errors) => {
            eprintln!("error: {errors}");
            ExitCode::from(2)
        }
    }
}
