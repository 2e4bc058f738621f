//! A backlog, read by SQL.
//!
//! A walsender makes three system calls a row or so, which cost more than the
//! decoding. `pg_logical_slot_get_binary_changes` gives the same messages
//! without them, a chunk of the WAL at a time. Two sessions take turns: one
//! decodes its chunk while the other one's is being read. Each reads by a
//! temporary copy of the slot. The slot itself stays where rows are durable
//! (invariant 2): a crash leaves nothing behind but that.

use super::{Fault, Purpose, StartAt, Taken, WalFrames, WalTransport, Wire, connect, literal};
use crate::postgres::client::Server;
use crate::postgres::position::Lsn;

/// With less WAL to read than this a stream is as good.
const WORTH_BYTES: u64 = 32 << 20;
/// With less than this left it is done.
const DONE_BYTES: u64 = 4 << 20;
/// The first chunk, so that rows come soon. Each is twice as long as the one
/// before, up to the most: the server keeps a chunk's changes in a file.
const CHUNK_BYTES_MIN: u64 = 16 << 20;
const CHUNK_BYTES_MAX: u64 = 128 << 20;

/// Where the server's WAL ends, for rows that are to be read.
const WAL_END: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
                       ELSE pg_current_wal_flush_lsn() END";

/// Reads what lies behind the end of the WAL.
pub(crate) struct Backlog {
    turns: [Session; 2],
    /// Whose chunk is being read.
    now: usize,
    /// The slot that holds the WAL back.
    slot: String,
    /// What pgoutput is asked for, as arguments.
    options: String,
    /// The end of the last chunk that was asked for.
    asked: Lsn,
    /// Where the WAL ended when that was last looked up.
    wal_end: Lsn,
    chunk_bytes: u64,
    /// How far rows are durable, and how far the slot was moved.
    durable: Lsn,
    moved: Lsn,
}

/// One of the two sessions.
struct Session {
    wire: Wire,
    /// The copy of the slot.
    slot: String,
    /// Where that is.
    at: Lsn,
    /// The end of the chunk that it was asked for.
    chunk: Option<Lsn>,
}

impl Backlog {
    /// Begins to read from the slot's place on; none if there is too little.
    pub(crate) async fn start(server: &Server, start: &StartAt<'_>) -> Result<Option<Self>, Fault> {
        let mut first = signed_in(server).await?;
        let wal_end = one(&first.query(WAL_END).await?)?;
        let confirmed = format!(
            "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = {}",
            literal(start.slot)
        );
        let confirmed = one(&first.query(&confirmed).await?)?;
        let from = start.lsn.max(confirmed);
        if wal_end.0.saturating_sub(from.0) < WORTH_BYTES {
            first.close().await;
            return Ok(None);
        }
        let turns = [
            Session::new(first, start.slot, confirmed).await?,
            Session::new(signed_in(server).await?, start.slot, confirmed).await?,
        ];
        let options: Vec<String> = start
            .options()
            .iter()
            .map(|(name, value)| format!("{}, {}", literal(name), literal(value)))
            .collect();
        let mut this = Self {
            turns,
            now: 0,
            slot: start.slot.to_owned(),
            options: options.join(", "),
            asked: from,
            wal_end,
            chunk_bytes: CHUNK_BYTES_MIN,
            durable: confirmed,
            moved: confirmed,
        };
        this.ask(0)?;
        this.ask(1)?;
        Ok(Some(this))
    }

    /// Bytes of WAL between what was asked for and its end.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.wal_end.0.saturating_sub(self.asked.0)
    }

    /// Queues the statements for the next chunk, if there is one.
    fn ask(&mut self, number: usize) -> Result<(), Fault> {
        let left = self.bytes_left();
        if left < DONE_BYTES {
            return Ok(());
        }
        // No crumbs at the end.
        let bytes = if left < self.chunk_bytes + DONE_BYTES { left } else { self.chunk_bytes };
        self.chunk_bytes = (2 * self.chunk_bytes).min(CHUNK_BYTES_MAX);
        let (from, to) = (self.asked, Lsn(self.asked.0 + bytes));
        let mut sql = String::new();
        if self.durable > self.moved {
            self.moved = self.durable;
            sql = moving(&self.slot, self.moved);
        }
        let session = &mut self.turns[number];
        if from > session.at {
            sql += &moving(&session.slot, from);
        }
        sql += &format!(
            "COPY (SELECT lsn, data FROM pg_logical_slot_get_binary_changes({}, '{to}', NULL, {})) \
             TO STDOUT (FORMAT binary); {WAL_END}",
            literal(&session.slot),
            self.options
        );
        session.wire.begin_copy(&sql)?;
        (session.at, session.chunk) = (to, Some(to));
        self.asked = to;
        Ok(())
    }

    /// Moves the slot to where rows are durable and ends the sessions, and with
    /// them their slots.
    pub(crate) async fn close(self) -> Result<(), Fault> {
        let [mut first, second] = self.turns;
        let moved = if self.durable > self.moved && first.chunk.is_none() {
            first.wire.query(&moving(&self.slot, self.durable)).await.map(drop)
        } else {
            Ok(())
        };
        first.wire.close().await;
        second.wire.close().await;
        moved
    }
}

/// The statement that moves a slot on.
fn moving(slot: &str, to: Lsn) -> String {
    format!("SELECT pg_replication_slot_advance({}, '{to}'); ", literal(slot))
}

async fn signed_in(server: &Server) -> Result<Wire, Fault> {
    let connecting = connect(server, Purpose::Sql).await;
    let mut wire = connecting.map_err(|error| Fault::protocol(error.to_string()))?;
    wire.query("SET statement_timeout = 0").await?;
    Ok(wire)
}

/// The LSN that a statement gave.
fn one(rows: &[Vec<Option<String>>]) -> Result<Lsn, Fault> {
    let text = rows.first().and_then(|row| row.first()?.as_deref());
    text.and_then(|text| text.parse().ok()).ok_or_else(|| Fault::protocol("no LSN"))
}

impl Session {
    /// Copies the slot for a session, until that ends.
    async fn new(mut wire: Wire, slot: &str, at: Lsn) -> Result<Self, Fault> {
        let pid = wire.query("SELECT pg_backend_pid()").await?;
        let pid = pid.first().and_then(|row| row.first()?.as_deref()).unwrap_or_default();
        // A slot's name has 63 letters at most.
        let copy = format!("{}_backlog_{pid}", &slot[..slot.len().min(40)]);
        let (from, to) = (literal(slot), literal(&copy));
        let copying = format!("SELECT pg_copy_logical_replication_slot({from}, {to}, true)");
        wire.query(&copying).await?;
        Ok(Self { wire, slot: copy, at, chunk: None })
    }
}

impl WalTransport for Backlog {
    async fn fill(&mut self) -> Result<(), Fault> {
        for session in &mut self.turns {
            session.wire.flush().await?;
        }
        self.turns[self.now].wire.fill().await
    }

    fn put_aside(&mut self) -> Result<(), Fault> {
        // Its rows come many at a time.
        Ok(())
    }

    fn frames(&self) -> WalFrames<'_> {
        let session = &self.turns[self.now];
        WalFrames::rows(session.wire.buffered(), session.chunk.unwrap_or_default())
    }

    fn consume(&mut self, taken: &Taken) -> Result<(), Fault> {
        self.wal_end = taken.wal_end.unwrap_or(self.wal_end).max(self.wal_end);
        self.turns[self.now].wire.consume(taken.bytes);
        if taken.is_over {
            self.turns[self.now].chunk = None;
            self.ask(self.now)?;
            if self.turns[1 - self.now].chunk.is_some() {
                self.now = 1 - self.now;
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.turns.iter().all(|session| session.chunk.is_none())
    }

    fn feedback(&mut self, _received: Lsn, durable: Lsn) {
        self.durable = self.durable.max(durable);
    }
}
