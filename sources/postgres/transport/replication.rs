//! The replication stream: `START_REPLICATION`, data, keepalives, feedback.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::BufMut;
use postgres_protocol::message::frontend;

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

    /// The frames that were read and not consumed.
    fn frames(&self) -> WalFrames<'_>;

    /// Lets go of what [`WalFrames::taken`] counted.
    fn consume(&mut self, bytes: usize);

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
    taken: usize,
}

impl<'a> WalFrames<'a> {
    /// The frames in these bytes, as they came from the server.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, taken: 0 }
    }

    /// Bytes of the frames that were handed out.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// The next whole frame. An error or the end of the stream is an error.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<WalFrame<'a>>, Fault> {
        loop {
            let Some((frame, size)) = next_frame(self.rest)? else { return Ok(None) };
            self.rest = &self.rest[size..];
            self.taken += size;
            match frame {
                Frame { tag: b'd', body } => return wal_frame(body).map(Some),
                Frame { tag: b'N' | b'S', .. } => {}
                Frame { tag: b'E', body } => return Err(Fault::Server(ServerError::parse(body))),
                Frame { tag: b'c' | b'C', .. } => return Err(Fault::Closed),
                Frame { tag, .. } => return Err(unexpected(tag, "the replication stream")),
            }
        }
    }
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

/// A running stream on a connection of its own.
pub(crate) struct Replication(Wire);

impl Replication {
    /// Starts the stream.
    pub(crate) async fn start(mut wire: Wire, at: &StartAt<'_>) -> Result<Self, Fault> {
        let mut options = format!(
            "proto_version '1', publication_names {}",
            literal(&identifier(at.publication))
        );
        if at.binary {
            options.push_str(", binary 'true'");
        }
        if at.messages {
            options.push_str(", messages 'true'");
        }
        let slot = identifier(at.slot);
        let sql = format!("START_REPLICATION SLOT {slot} LOGICAL {} ({options})", at.lsn);
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

    fn frames(&self) -> WalFrames<'_> {
        WalFrames::new(self.0.buffered())
    }

    fn consume(&mut self, bytes: usize) {
        self.0.consume(bytes);
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
