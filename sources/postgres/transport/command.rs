//! Statements without parameters, and COPY.

use postgres_protocol::message::frontend;

use super::startup::unexpected;
use super::{Fault, Wire};

/// The rows of a small answer, as text.
pub(crate) type TextRows = Vec<Vec<Option<String>>>;

impl Wire {
    /// Runs statements or one replication command; the rows of the last one
    /// that gives rows. For small answers only.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<TextRows, Fault> {
        frontend::query(sql, self.output())?;
        let mut rows = TextRows::new();
        let mut failed = None;
        loop {
            let (tag, row) = match self.frame().await {
                Ok(frame) => (frame.tag, (frame.tag == b'D').then(|| text_row(frame.body))),
                // The server says when it is ready again.
                Err(Fault::Server(error)) => {
                    failed = Some(Fault::Server(error));
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            self.consume_frame()?;
            match tag {
                b'T' => rows.clear(),
                b'D' => rows.extend(row.transpose()?),
                b'C' | b'I' => {}
                b'Z' => return failed.map_or(Ok(rows), Err),
                other => return Err(unexpected(other, "a statement")),
            }
        }
    }

    /// Queues `COPY ... TO STDOUT`.
    pub(crate) fn begin_copy(&mut self, sql: &str) -> Result<(), Fault> {
        Ok(frontend::query(sql, self.output())?)
    }

    /// Waits for the answer to [`Wire::begin_copy`]; rows follow as `d` frames.
    /// Cancel-safe.
    pub(crate) async fn copy_begun(&mut self) -> Result<(), Fault> {
        let tag = self.frame().await?.tag;
        self.consume_frame()?;
        match tag {
            b'H' => Ok(()),
            other => Err(unexpected(other, "COPY")),
        }
    }

    /// After the last row of a COPY: waits until the server is ready again.
    /// Cancel-safe.
    pub(crate) async fn copy_ended(&mut self) -> Result<(), Fault> {
        loop {
            let tag = self.frame().await?.tag;
            self.consume_frame()?;
            match tag {
                b'd' | b'c' | b'C' => {}
                b'Z' => return Ok(()),
                other => return Err(unexpected(other, "the end of COPY")),
            }
        }
    }
}

fn text_row(body: &[u8]) -> Result<Vec<Option<String>>, Fault> {
    let short = || Fault::protocol("a short row");
    let (count, mut rest) = body.split_first_chunk::<2>().ok_or_else(short)?;
    let mut row = Vec::with_capacity(usize::from(u16::from_be_bytes(*count)));
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        rest = after;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            row.push(None);
            continue;
        };
        let (value, after) = rest.split_at_checked(length).ok_or_else(short)?;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    Ok(row)
}
