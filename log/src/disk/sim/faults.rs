//! What goes wrong, and when.

use std::io;

use super::full;

/// What is to go wrong, and when, in numbers of calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// The power goes at this call.
    pub(crate) power_off_at: Option<u64>,
    /// The first sync of a file or a folder at or after this call fails.
    pub(crate) sync_error_at: Option<u64>,
    /// The first call of any kind at or after this one fails; a write may be done
    /// in part.
    pub(crate) error_at: Option<u64>,
    /// Bytes of all files; none is without limit.
    pub(crate) capacity: Option<u64>,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Injected {
    /// The power goes while it is done.
    PowerCut,
    /// There is no power.
    IsOff,
    InputOutput,
}

pub(super) fn input_output_error() -> io::Error {
    io::Error::other("input/output error")
}

/// The error of a sync: some file systems find only then that they are full.
pub(super) fn sync_error(rng: &mut fastrand::Rng) -> io::Error {
    if rng.u8(..4) == 0 { full() } else { input_output_error() }
}

impl Injected {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::PowerCut | Self::IsOff => io::Error::other("the power is off"),
            Self::InputOutput => input_output_error(),
        }
    }
}

impl Faults {
    /// How this call fails, if it does. Errors are there once.
    pub(super) fn at_call(&mut self, call: u64, is_sync: bool) -> Option<Injected> {
        let is_due = |at: Option<u64>| at.is_some_and(|at| call >= at);
        if is_due(self.power_off_at) {
            return Some(Injected::PowerCut);
        }
        let error = if is_due(self.error_at) {
            &mut self.error_at
        } else if is_sync && is_due(self.sync_error_at) {
            &mut self.sync_error_at
        } else {
            return None;
        };
        *error = None;
        Some(Injected::InputOutput)
    }
}
