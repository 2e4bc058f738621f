//! The `thalweg` binary: settings, wiring, start and stop order; pages about
//! connectors.

mod cli;
mod describe;
mod plugins;
mod serve;
mod settings;

use clap::Parser;

fn main() -> std::process::ExitCode {
    let cli::Cli { command } = cli::Cli::parse();
    match command {
        cli::Command::Describe(arguments) => describe::main(&arguments),
        cli::Command::Serve(arguments) => serve::main(&arguments),
    }
}
