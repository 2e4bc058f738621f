//! The replication stream: `START_REPLICATION`, data, keepalives, feedback.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::BufMut;
use postgres_protocol::message::frontend;

use super::copy::{after_copy_header, is_copy_trailer};
use super::startup::unexpected;
use super::wire::next_frame;
use super::{Fault, Frame, ServerError, Wire};
use crate::postgres::position::Lsn;

/// Microseconds from 1970 to 2000, where Postgres starts to count.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

/// What carries the WAL's changes to us.
pub(crate) trait WalTransport: Send {
    /// Sends what is queued, then waits for more bytes. Cancel-safe.
    fn fill(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What arrives wakes nobody until [`WalTransport::fill`] finds nothing.
    fn put_aside(&mut self) -> Result<(), Fault>;

    /// The frames that were read and not consumed.
    fn frames(&self) -> WalFrames<'_>;

    /// Lets go of what was taken.
    fn consume(&mut self, taken: &Taken) -> Result<(), Fault>;

    /// Whether nothing more comes, and another transport must go on.
    fn is_done(&self) -> bool {
        false
    }

    /// Queues a status update: what was received, and what is durable here.
    fn feedback(&mut self, received: Lsn, durable: Lsn);
}

/// One message inside the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalFrame<'a> {
    /// A pgoutput message.
    Data {
        /// Where it is from.
        lsn: Lsn,
        /// The message.
        body: &'a [u8],
    },
    /// Nothing new, but this is how far the server has read.
    KeepAlive {
        /// Everything before it was sent.
        end: Lsn,
        /// The server wants an answer now.
        reply: bool,
    },
}

/// Frames of one buffer, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WalFrames<'a> {
    rest: &'a [u8],
    format: Format,
    taken: Taken,
}

/// How changes come.
#[derive(Clone, Copy, Debug)]
enum Format {
    /// As a replication stream.
    Stream,
    /// As rows of a COPY, which has all changes before this place.
    Rows(Lsn),
}

/// What was taken of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes of the frames that were handed out.
    pub(crate) bytes: usize,
    /// The rows are over.
    pub(crate) is_over: bool,
    /// Where the server's WAL ends, if it told.
    pub(crate) wal_end: Option<Lsn>,
}

impl<'a> WalFrames<'a> {
    /// The frames in these bytes of a replication stream, as they came from the
    /// server.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, format: Format::Stream, taken: Taken::default() }
    }

    /// The frames in these bytes of the answer to [`super::backlog`]'s
    /// statements, which ask for all changes before `end`.
    pub(super) fn rows(bytes: &'a [u8], end: Lsn) -> Self {
        Self { rest: bytes, format: Format::Rows(end), taken: Taken::default() }
    }

    /// What was handed out.
    pub(crate) fn taken(&self) -> Taken {
        self.taken
    }

    /// The next whole frame. An error or the end of the stream is an error.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<WalFrame<'a>>, Fault> {
        loop {
            let Some((frame, size)) = next_frame(self.rest)? else { return Ok(None) };
            self.rest = &self.rest[size..];
            self.taken.bytes += size;
            match (frame, self.format) {
                (Frame { tag: b'd', body }, Format::Stream) => return wal_frame(body).map(Some),
                (Frame { tag: b'd', body }, Format::Rows(_)) => {
                    if let Some(frame) = row_frame(body)? {
                        return Ok(Some(frame));
                    }
                }
                (Frame { tag: b'N' | b'S', .. }, _) => {}
                (Frame { tag: b'E', body }, _) => {
                    return Err(Fault::Server(ServerError::parse(body)));
                }
                (Frame { tag: b'c' | b'C', .. }, Format::Stream) => return Err(Fault::Closed),
                (Frame { tag: b'T' | b'H' | b'c' | b'C', .. }, Format::Rows(_)) => {}
                (Frame { tag: b'D', body }, Format::Rows(_)) => {
                    self.taken.wal_end = lsn_row(body).or(self.taken.wal_end);
                }
                (Frame { tag: b'Z', .. }, Format::Rows(end)) => {
                    self.taken.is_over = true;
                    return Ok(Some(WalFrame::KeepAlive { end, reply: false }));
                }
                (Frame { tag, .. }, _) => return Err(unexpected(tag, "the replication stream")),
            }
        }
    }
}

/// A row of a COPY of (lsn, data); none for its header and its end.
#[inline]
fn row_frame(body: &[u8]) -> Result<Option<WalFrame<'_>>, Fault> {
    let row = after_copy_header(body).unwrap_or(body);
    if row.is_empty() || is_copy_trailer(row) {
        return Ok(None);
    }
    let frame = row.split_first_chunk::<6>().and_then(|(head, rest)| {
        let (lsn, rest) = rest.split_first_chunk::<8>()?;
        let (length, body) = rest.split_first_chunk::<4>()?;
        let is_whole = u32::from_be_bytes(*length) as usize == body.len();
        let lsn = Lsn(u64::from_be_bytes(*lsn));
        (*head == [0, 2, 0, 0, 0, 8] && is_whole).then_some(WalFrame::Data { lsn, body })
    });
    frame.map(Some).ok_or_else(|| Fault::protocol("a row of the backlog"))
}

/// The LSN in a row of one column of text.
fn lsn_row(body: &[u8]) -> Option<Lsn> {
    let text = body.strip_prefix(&[0, 1])?.get(4..)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[inline]
fn wal_frame(body: &[u8]) -> Result<WalFrame<'_>, Fault> {
    let lsn = |at: usize| {
        let bytes = body.get(at..at + 8).and_then(|bytes| bytes.first_chunk::<8>());
        bytes.map(|bytes| Lsn(u64::from_be_bytes(*bytes)))
    };
    let frame = match body.first() {
        Some(b'w') => lsn(1).zip(body.get(25..)).map(|(lsn, body)| WalFrame::Data { lsn, body }),
        Some(b'k') => lsn(1)
            .zip(body.get(17))
            .map(|(end, &reply)| WalFrame::KeepAlive { end, reply: reply != 0 }),
        _ => None,
    };
    frame.ok_or_else(|| Fault::protocol("a message of the replication stream"))
}

/// How the stream starts.
#[derive(Clone, Debug)]
pub(crate) struct StartAt<'a> {
    /// The slot.
    pub(crate) slot: &'a str,
    /// The publication.
    pub(crate) publication: &'a str,
    /// Transactions whose commit is before it are not sent.
    pub(crate) lsn: Lsn,
    /// Whether values come in their binary form.
    pub(crate) binary: bool,
    /// Whether logical messages come too.
    pub(crate) messages: bool,
}

impl StartAt<'_> {
    /// What is asked of pgoutput: names and values.
    pub(super) fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("proto_version", "1".to_owned()),
            ("publication_names", identifier(self.publication)),
        ];
        if self.binary {
            options.push(("binary", "true".to_owned()));
        }
        if self.messages {
            options.push(("messages", "true".to_owned()));
        }
        options
    }
}

/// A running stream on a connection of its own.
pub(crate) struct Replication(Wire);

impl Replication {
    /// Starts the stream.
    pub(crate) async fn start(mut wire: Wire, at: &StartAt<'_>) -> Result<Self, Fault> {
        let options: Vec<String> =
            at.options().iter().map(|(name, value)| format!("{name} {}", literal(value))).collect();
        let sql = format!(
            "START_REPLICATION SLOT {} LOGICAL {} ({})",
            identifier(at.slot),
            at.lsn,
            options.join(", ")
        );
        frontend::query(&sql, wire.output())?;
        let tag = wire.frame().await?.tag;
        wire.consume_frame()?;
        match tag {
            b'W' => Ok(Self(wire)),
            other => Err(unexpected(other, "START_REPLICATION")),
        }
    }

    /// Sends what is queued and ends the connection.
    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}

impl WalTransport for Replication {
    async fn fill(&mut self) -> Result<(), Fault> {
        self.0.fill().await
    }

    fn put_aside(&mut self) -> Result<(), Fault> {
        self.0.put_aside()
    }

    fn frames(&self) -> WalFrames<'_> {
        WalFrames::new(self.0.buffered())
    }

    fn consume(&mut self, taken: &Taken) -> Result<(), Fault> {
        self.0.consume(taken.bytes);
        Ok(())
    }

    fn feedback(&mut self, received: Lsn, durable: Lsn) {
        let output = self.0.output();
        output.put_u8(b'd');
        output.put_u32(4 + 34);
        output.put_u8(b'r');
        output.put_u64(received.0.max(durable.0));
        output.put_u64(durable.0);
        output.put_u64(durable.0);
        output.put_i64(now_us() - POSTGRES_EPOCH_US);
        output.put_u8(0);
    }
}

/// Microseconds since 1970, now.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A quoted identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted literal, for servers with `standard_conforming_strings` (always on
/// in our sessions).
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
