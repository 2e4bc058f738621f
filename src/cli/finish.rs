//! How a command ends.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;

/// Exit code of a command that was not understood, as clap has it.
const USAGE: u8 = 2;
/// Exit code of a preview of what would take something away.
const LOSS: u8 = 3;

/// Reasons to end that are not failures of what was to be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// Nobody reads standard output any more: there is nothing to do, and
    /// nobody to tell.
    #[error("standard output is closed")]
    Closed,
    /// The command can't be meant as it is.
    #[error("{0}")]
    Usage(String),
    /// What was asked about would work, and take something away from others.
    #[error("{0}")]
    Loss(String),
}

/// The exit code: 0 if all is done, 1 if something failed, 2 if the command can't
/// be meant as it is, 3 if what was asked about takes something away. What is wrong
/// goes to standard error.
pub(crate) fn finish(outcome: Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    match error.downcast_ref() {
        Some(Stop::Closed) => ExitCode::SUCCESS,
        Some(Stop::Usage(_)) => {
            tell("error", &format!("{error:#}"));
            ExitCode::from(USAGE)
        }
        Some(Stop::Loss(_)) => {
            tell("warning", &format!("{error:#}"));
            ExitCode::from(LOSS)
        }
        None => {
            tell("error", &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Says something that does not end the command.
pub(super) fn note(text: &str) {
    tell("note", text);
}

fn tell(kind: &str, text: &str) {
    // Without standard error there is nobody to tell.
    writeln!(std::io::stderr(), "{kind}: {text}").ok();
}
