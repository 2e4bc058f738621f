//! A backlog, read by SQL.
//!
//! A walsender makes three system calls a row or so, which cost more than the
//! decoding. `pg_logical_slot_get_binary_changes` gives the same messages
//! without them, a chunk of the WAL at a time. Two sessions take turns: one
//! decodes its chunk while the other one's is being read. Each reads by a
//! temporary copy of the slot. The slot itself stays where rows are durable
//! (invariant 2): a crash leaves nothing behind but that.

use std::ops::RangeInclusive;

use thalweg_core::failpoint;

use super::{Fault, Purpose, StartAt, Taken, WalFrames, WalTransport, Wire, connect, literal};
use crate::postgres::client::Server;
use crate::postgres::position::Lsn;

/// With less WAL to read than this a stream is as good.
const WORTH_BYTES: u64 = 32 << 20;
/// With less than this left it is done.
const DONE_BYTES: u64 = 4 << 20;
/// The first chunk is a third of it within these bounds, so that rows come soon, and
/// each is twice as long as the one before up to the most. Each begins with what was
/// decoded before, so that few are better, but the server keeps a chunk's changes in
/// a file.
const FIRST_CHUNK_BYTES: RangeInclusive<u64> = 16 << 20..=64 << 20;
const CHUNK_BYTES_MAX: u64 = 128 << 20;

/// The slot is moved on when so much more is durable: that too decodes again, and
/// does nothing but free WAL.
const MOVE_BYTES: u64 = 512 << 20;

/// Each chunk is decoded from the slot's restart point on, which stays behind
/// the oldest transaction that is open. With more than this to be decoded again
/// a stream is better.
const AGAIN_BYTES_MAX: u64 = 2 * CHUNK_BYTES_MAX;

/// Where the server's WAL ends, for rows that are to be read.
const WAL_END: &str = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
                       ELSE pg_current_wal_flush_lsn() END";

/// Nothing of a user's or a role's own settings ends a session that waits.
const NO_TIMEOUTS: &str = "SELECT set_config(name, '0', false) FROM pg_settings \
                           WHERE name IN ('statement_timeout', 'transaction_timeout')";

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
    /// Nothing more is asked for.
    is_enough: bool,
    /// How far rows are durable, and how far the slot was moved.
    durable: Lsn,
    moved: Lsn,
}

/// One of the two sessions.
struct Session {
    wire: Wire,
    /// Its process.
    pid: String,
    /// The copy of the slot.
    slot: String,
    /// Where that is.
    at: Lsn,
    /// The end of the chunk that it was asked for.
    chunk: Option<Lsn>,
}

impl Backlog {
    /// Begins to read from the slot's place on; none if there is too little, or
    /// the server or the slot is not one to do so with.
    pub(crate) async fn start(
        server: &Server,
        mut first: Wire,
        start: &StartAt<'_>,
    ) -> Result<Option<Self>, Fault> {
        first.query(NO_TIMEOUTS).await?;
        let look = format!(
            "SELECT {WAL_END}, confirmed_flush_lsn, current_setting('server_version_num'), \
             coalesce(to_jsonb(s)->>'failover', 'false') \
             FROM pg_replication_slots s WHERE slot_name = {}",
            literal(start.slot)
        );
        let Some((wal_end, confirmed)) = usable(&first.query(&look).await?) else {
            first.close().await;
            return Ok(None);
        };
        let from = start.lsn.max(confirmed);
        let behind = wal_end.0.saturating_sub(from.0);
        if behind < WORTH_BYTES {
            first.close().await;
            return Ok(None);
        }
        let turns = [
            Session::new(first, start.slot, confirmed).await?,
            Session::new(second(server).await?, start.slot, confirmed).await?,
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
            chunk_bytes: (behind / 3).clamp(*FIRST_CHUNK_BYTES.start(), *FIRST_CHUNK_BYTES.end()),
            is_enough: false,
            durable: confirmed,
            moved: confirmed,
        };
        this.ask(0)?;
        this.ask(1)?;
        failpoint::reach("backlog.begun");
        Ok(Some(this))
    }

    /// Bytes of WAL between what was asked for and its end.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.wal_end.0.saturating_sub(self.asked.0)
    }

    /// Queues the statements for the next chunk, if there is one.
    fn ask(&mut self, number: usize) -> Result<(), Fault> {
        let left = self.bytes_left();
        if left < DONE_BYTES || self.is_enough {
            return Ok(());
        }
        // No crumbs at the end.
        let bytes = if left < self.chunk_bytes + DONE_BYTES { left } else { self.chunk_bytes };
        self.chunk_bytes = (2 * self.chunk_bytes).min(CHUNK_BYTES_MAX);
        let (from, to) = (self.asked, Lsn(self.asked.0 + bytes));
        let mut sql = String::new();
        // Always the same session: two can't move one slot at once.
        if number == 0 && self.durable.0.saturating_sub(self.moved.0) >= MOVE_BYTES {
            self.moved = self.durable;
            sql = moving(&self.slot, self.moved);
        }
        let session = &mut self.turns[number];
        if from > session.at {
            sql += &moving(&session.slot, from);
        }
        sql += &format!(
            "COPY (SELECT lsn, data FROM pg_logical_slot_get_binary_changes({}, '{to}', NULL, {})) \
             TO STDOUT (FORMAT binary); \
             SELECT {WAL_END}, restart_lsn FROM pg_replication_slots WHERE slot_name = {}",
            literal(&session.slot),
            self.options,
            literal(&session.slot),
        );
        session.wire.begin_copy(&sql)?;
        (session.at, session.chunk) = (to, Some(to));
        self.asked = to;
        Ok(())
    }

    /// Moves the slot to where rows are durable and ends the sessions, and with
    /// them their slots.
    pub(crate) async fn close(self, server: &Server) -> Result<(), Fault> {
        let is_busy = self.turns.iter().any(|session| session.chunk.is_some());
        let [mut first, second] = self.turns;
        let mut done = Ok(());
        if is_busy {
            // One that decodes would go on until it has something to send.
            let pids = format!("{}, {}", first.pid, second.pid);
            let ends = format!("SELECT pg_terminate_backend(pid) FROM unnest(ARRAY[{pids}]) pid");
            done = match self::second(server).await {
                Ok(mut wire) => wire.query(&ends).await.map(drop),
                Err(fault) => Err(fault),
            };
        } else if self.durable > self.moved {
            done = first.wire.query(&moving(&self.slot, self.durable)).await.map(drop);
        }
        first.wire.close().await;
        second.wire.close().await;
        failpoint::reach("backlog.over");
        done
    }
}

/// The statement that moves a slot on.
fn moving(slot: &str, to: Lsn) -> String {
    format!("SELECT pg_replication_slot_advance({}, '{to}'); ", literal(slot))
}

async fn second(server: &Server) -> Result<Wire, Fault> {
    let connecting = connect(server, Purpose::Sql).await;
    let mut wire = connecting.map_err(|error| Fault::protocol(error.to_string()))?;
    wire.query(NO_TIMEOUTS).await?;
    Ok(wire)
}

/// The end of the WAL and the slot's place, if they are fit for it.
fn usable(rows: &[Vec<Option<String>>]) -> Option<(Lsn, Lsn)> {
    let row = rows.first()?;
    let text = |at: usize| row.get(at)?.as_deref();
    // A copy does not wait for the standbys that a failover slot waits for.
    let is_fit = is_mended(text(2)?.parse().ok()?) && text(3)? == "false";
    is_fit.then_some((text(0)?.parse().ok()?, text(1)?.parse().ok()?))
}

/// Whether a server moves slots without losing what their decoding needs (their
/// `catalog_xmin` went too far ahead before), by its `server_version_num`.
fn is_mended(version: u32) -> bool {
    match version / 10_000 {
        13 => version >= 130_021,
        14 => version >= 140_018,
        15 => version >= 150_013,
        16 => version >= 160_009,
        17 => version >= 170_005,
        major => major >= 18,
    }
}

impl Session {
    /// Copies the slot for a session, until that ends.
    async fn new(mut wire: Wire, slot: &str, at: Lsn) -> Result<Self, Fault> {
        let rows = wire.query("SELECT pg_backend_pid()").await?;
        let pid = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        // A slot's name has 63 letters at most.
        let copy = format!("{}_backlog_{pid}", &slot[..slot.len().min(40)]);
        let (from, to) = (literal(slot), literal(&copy));
        let copying = format!("SELECT pg_copy_logical_replication_slot({from}, {to}, true)");
        wire.query(&copying).await?;
        Ok(Self { wire, pid, slot: copy, at, chunk: None })
    }
}

impl WalTransport for Backlog {
    async fn fill(&mut self) -> Result<(), Fault> {
        for session in &mut self.turns {
            session.wire.flush().await?;
        }
        self.turns[self.now].wire.fill().await?;
        failpoint::reach("backlog.filled");
        Ok(())
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
        if let Some((wal_end, restart)) = taken.wal {
            self.wal_end = wal_end.max(self.wal_end);
            self.is_enough |= self.asked.0.saturating_sub(restart.0) > AGAIN_BYTES_MAX;
        }
        self.turns[self.now].wire.consume(taken.bytes);
        if taken.is_over {
            self.turns[self.now].chunk = None;
            self.ask(self.now)?;
            failpoint::reach("backlog.chunk");
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
