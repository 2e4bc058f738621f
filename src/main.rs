//! The `thalweg` binary: settings, wiring, start and stop order.

mod cli;
mod plugins;
mod serve;
mod settings;

use clap::Parser;

fn main() -> std::process::ExitCode {
    let cli::Cli { command } = cli::Cli::parse();
    match command {
        cli::Command::Serve(arguments) => serve::main(&arguments),
    }
}
