//! Standard output, for pipes.

use std::io::{BufWriter, ErrorKind, IsTerminal as _, StdoutLock, Write as _};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use super::finish::Stop;

const BUFFER_LEN: usize = 64 << 10;

/// Standard output, in large pieces.
pub(super) struct Output {
    out: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self { out: BufWriter::with_capacity(BUFFER_LEN, std::io::stdout().lock()) }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.out.write_all(bytes);
        unless_closed(written)
    }

    /// Hands over what was written.
    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = self.out.flush();
        unless_closed(flushed)
    }

    /// Ends the command if nobody reads any more: one that has nothing to write
    /// would not see it.
    pub(super) fn check(&self) -> Result<()> {
        let mut fds = [PollFd::new(self.out.get_ref(), PollFlags::empty())];
        poll(&mut fds, Some(&Timespec::default())).context("standard output")?;
        if fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            return Err(Stop::Closed.into());
        }
        Ok(())
    }

    /// One object: a line for other programs, several for a person.
    pub(super) fn object(&mut self, object: &Value) -> Result<()> {
        let is_for_a_person = self.out.get_ref().is_terminal();
        let text = if is_for_a_person { format!("{object:#}\n") } else { format!("{object}\n") };
        self.write(text.as_bytes())
    }
}

fn unless_closed(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Stop::Closed.into()),
        written => written.context("standard output can't be written"),
    }
}
