//! The `thalweg` binary: settings, wiring, start and stop order; pages about
//! connectors; commands for a running server.

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
        cli::Command::Topics(command) => cli::finish(cli::topics::run(&command)),
        cli::Command::Schema(command) => cli::finish(cli::schema::run(&command)),
        cli::Command::Read(arguments) => cli::finish(cli::read::run(&arguments)),
        cli::Command::Write(arguments) => cli::finish(cli::write::run(&arguments)),
    }
}
