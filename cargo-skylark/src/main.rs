//! `cargo skylark`.

use cargo_skylark::{cli::Cli, commands, error::Exit, output::Output};
use clap::Parser;

#[tokio::main]
async fn main() -> Exit {
    let cli = Cli::parse_from(cargo_skylark::cli::arguments(std::env::args_os()));
    let output = Output::new(cli.global.json, cli.global.color);
    match commands::run(cli.command, &output).await {
        Ok(()) => Exit::Success,
        Err(error) => {
            output.error(&error);
            Exit::of(&error)
        }
    }
}
