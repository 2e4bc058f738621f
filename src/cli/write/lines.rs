//! The lines of standard input.

use std::io::{BufRead as _, BufReader, Read as _, StdinLock};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const BUFFER_LEN: usize = 64 << 10;
/// Longest line that is taken (invariant 7). A server takes far less unless its
/// max.message.bytes is raised.
const LINE_LEN_MAX: usize = 64 << 20;

/// Lines as bytes, without their newlines.
pub(in crate::cli) struct Lines {
    input: BufReader<StdinLock<'static>>,
    line: Vec<u8>,
    /// Number of lines that were read.
    pub(in crate::cli) count: u64,
}

impl Lines {
    pub(in crate::cli) fn new() -> Self {
        let input = BufReader::with_capacity(BUFFER_LEN, std::io::stdin().lock());
        Self { input, line: Vec::new(), count: 0 }
    }

    /// The next line; none at the end.
    pub(in crate::cli) fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        let mut input = (&mut self.input).take(LINE_LEN_MAX as u64 + 1);
        let len = input
            .read_until(b'\n', &mut self.line)
            .with_context(|| format!("standard input, line {}", self.count + 1))?;
        if len == 0 {
            return Ok(None);
        }
        self.count += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if len > LINE_LEN_MAX {
            bail!(
                "line {} is longer than {LINE_LEN_MAX} bytes, the most that is taken",
                self.count
            );
        }
        Ok(Some(&self.line))
    }

    /// Whether the next line would have to be waited for, as from a person.
    pub(super) fn must_wait(&self) -> bool {
        if !self.input.buffer().is_empty() {
            return false;
        }
        let mut fds = [PollFd::new(self.input.get_ref(), PollFlags::IN)];
        // What can't be polled has its bytes at once, or their end.
        matches!(poll(&mut fds, Some(&Timespec::default())), Ok(0))
    }
}
