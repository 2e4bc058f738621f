//! The loop that reads, waits, and tells the server how far we are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use thalweg_core::batch::SourceBatch;
use thalweg_core::{ConnectError, ErrorKind};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Changes;
use super::changes::Pause;
use super::heartbeat::Heartbeats;
use crate::postgres::catalog::{Types, load_table};
use crate::postgres::client::Sql;
use crate::postgres::config::Config;
use crate::postgres::position::{Lsn, Origin, Place, Shown, SnapshotPhase, StreamPlace};
use crate::postgres::snapshot::chunk_of;
use crate::postgres::transport::{Fault, WalTransport};

/// The server is told of progress at most so often.
const STATUS_PAUSE_MAX: Duration = Duration::from_secs(1);
/// When the server waits for an answer (it is shutting down, or has heard
/// nothing for long), it is answered, and positions are kept, at most so often.
const REPLY_PAUSE: Duration = Duration::from_millis(100);

/// In the middle of a transaction more rows are on their way: so long they are
/// waited for, since few large batches cost less than many small ones.
const LINGER: Duration = Duration::from_millis(2);
/// The server sends each row by itself. While they come fast they are left to
/// gather so long, rather than to be read one by one.
const GATHER: Duration = Duration::from_millis(1);
/// So many bytes in [`GATHER`] are fast: tens of thousands of rows a second.
const FAST_BYTES: usize = 8 * 1024;

/// So long a transport that is over waits until its rows are durable.
const DURABLE_PATIENCE: Duration = Duration::from_secs(10);

/// How far positions are durable: set by the runtime's side, read by the loop.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    flush: AtomicU64,
    changed: Notify,
}

impl Confirmed {
    /// Everything before this place is durable (invariant 2).
    pub(crate) fn set(&self, lsn: Lsn) {
        self.flush.fetch_max(lsn.0, Ordering::Release);
        self.changed.notify_one();
    }

    fn get(&self) -> Lsn {
        Lsn(self.flush.load(Ordering::Acquire))
    }
}

/// What the stream gives.
pub(crate) enum Step {
    /// The next rows, or the next position.
    Batch(SourceBatch),
    /// A column came up whose values can't be read in their binary form: the
    /// stream must be started again, in text.
    NeedsText,
    /// The transport has no more: another one must go on.
    Over,
}

/// How fast bytes come.
struct Pace {
    since: Instant,
    bytes: usize,
    is_fast: bool,
}

impl Pace {
    /// Counts what was read; whether bytes come fast.
    fn is_fast(&mut self, taken: usize) -> bool {
        self.bytes += taken;
        let now = Instant::now();
        let is_over = now.duration_since(self.since) >= GATHER;
        if self.bytes >= FAST_BYTES || is_over {
            self.is_fast = self.bytes >= FAST_BYTES;
        }
        if is_over {
            (self.since, self.bytes) = (now, 0);
        }
        self.is_fast
    }
}

/// A stream under way.
pub(crate) struct StreamRun<T> {
    transport: T,
    changes: Changes,
    config: Arc<Config>,
    origin: Origin,
    sql: Option<Sql>,
    confirmed: Arc<Confirmed>,
    /// What the server was told to be durable, and when.
    told: Lsn,
    told_at: Instant,
    /// The server waits for an answer.
    is_asked: bool,
    /// It was not answered at all since: it ends connections that are silent
    /// (`wal_sender_timeout`), also when nothing new is durable.
    owes_reply: bool,
    position_at: Instant,
    pace: Pace,
    heartbeats: Heartbeats,
    beat_at: Instant,
}

impl<T: WalTransport> StreamRun<T> {
    /// On a started stream.
    pub(crate) fn new(
        transport: T,
        changes: Changes,
        config: Arc<Config>,
        origin: Origin,
        confirmed: Arc<Confirmed>,
    ) -> Self {
        let now = Instant::now();
        Self {
            heartbeats: Heartbeats::new(&config.settings.topics),
            transport,
            changes,
            config,
            origin,
            sql: None,
            confirmed,
            told: Lsn::default(),
            told_at: now,
            is_asked: false,
            owes_reply: false,
            position_at: now,
            pace: Pace { since: now, bytes: 0, is_fast: false },
            beat_at: now,
        }
    }

    /// The next rows, or the next position. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Step, ConnectError> {
        loop {
            let mut frames = self.transport.frames();
            let pause = self.changes.read(&mut frames)?;
            let taken = frames.taken();
            self.transport.consume(&taken).map_err(lost)?;
            let is_asked = self.changes.take_reply();
            self.is_asked |= is_asked;
            self.owes_reply |= is_asked;
            match pause {
                Pause::Full => return Ok(self.batch()),
                Pause::AskCatalog(oid) => self.ask_catalog(oid).await?,
                Pause::AskChunks(oid, keys) => self.ask_chunks(oid, &keys).await?,
                Pause::NeedsText if self.changes.has_rows() => return Ok(self.batch()),
                Pause::NeedsText => return Ok(Step::NeedsText),
                Pause::Drained if self.transport.is_done() => return self.over().await,
                Pause::Drained => {
                    if let Some(step) = self.drained(taken.bytes).await? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    /// Nothing whole is buffered: takes what has arrived meanwhile, hands over
    /// what there is, or waits.
    async fn drained(&mut self, taken: usize) -> Result<Option<Step>, ConnectError> {
        self.tell();
        let is_fast = self.pace.is_fast(taken);
        if let Some(filled) = self.transport.fill().now_or_never() {
            filled.map_err(lost)?;
            return Ok(None);
        }
        if is_fast {
            self.transport.put_aside().map_err(lost)?;
            sleep(GATHER).await;
            return Ok(None);
        }
        if self.changes.expects_more()
            && let Ok(filled) = timeout(LINGER, self.transport.fill()).await
        {
            filled.map_err(lost)?;
            return Ok(None);
        }
        let now = Instant::now();
        if self.changes.has_rows() || self.position_due().is_some_and(|due| due <= now) {
            return Ok(Some(self.batch()));
        }
        if let Some(heartbeat) = &self.config.heartbeat
            && self.beat_at + heartbeat.interval <= now
        {
            return self.beat().await.map(Some);
        }
        let due = self.next_due();
        tokio::select! {
            filled = self.transport.fill() => filled.map_err(lost)?,
            () = self.confirmed.changed.notified() => {}
            () = sleep_until(due) => {}
        }
        Ok(None)
    }

    /// Nothing more comes: hands over what there is, then waits a while until
    /// that is durable, so that the next transport need not read it again.
    async fn over(&mut self) -> Result<Step, ConnectError> {
        if self.changes.has_rows() || self.changes.has_moved() {
            return Ok(self.batch());
        }
        let durable = async {
            while self.confirmed.get() < self.changes.place().flush_lsn {
                self.confirmed.changed.notified().await;
            }
        };
        let _ = timeout(DURABLE_PATIENCE, durable).await;
        self.transport.feedback(self.changes.received(), self.confirmed.get());
        Ok(Step::Over)
    }

    /// When a position without rows is due; none while the place stays.
    fn position_due(&self) -> Option<Instant> {
        let pause = if self.is_asked { REPLY_PAUSE } else { self.config.status_interval };
        self.changes.has_moved().then_some(self.position_at + pause)
    }

    fn status_due(&self) -> Instant {
        let interval = self.config.status_interval;
        let pause = match self.confirmed.get() > self.told {
            true if self.is_asked => Duration::ZERO,
            true => interval.min(STATUS_PAUSE_MAX),
            false => interval,
        };
        let pause = if self.owes_reply { pause.min(REPLY_PAUSE) } else { pause };
        self.told_at + pause
    }

    fn next_due(&self) -> Instant {
        let heartbeat = self.config.heartbeat.as_ref().map(|beat| self.beat_at + beat.interval);
        let status = self.status_due();
        self.position_due().into_iter().chain(heartbeat).fold(status, Instant::min)
    }

    /// Tells the server how far rows are durable, when that is due.
    fn tell(&mut self) {
        let now = Instant::now();
        if self.status_due() <= now {
            let durable = self.confirmed.get();
            self.transport.feedback(self.changes.received(), durable);
            self.is_asked &= durable <= self.told;
            self.owes_reply = false;
            self.told = durable;
            self.told_at = now;
        }
    }

    /// What was read since the last batch, with its position.
    fn batch(&mut self) -> Step {
        let mut batch = self.changes.take();
        let place = Place {
            origin: self.origin.clone(),
            snapshot: SnapshotPhase::Done,
            stream: self.changes.place(),
        };
        batch.position = Some(place.position(self.changes.shown()));
        self.position_at = Instant::now();
        Step::Batch(batch)
    }

    /// Where the last batch ended, and what its position shows.
    pub(crate) fn last(&self) -> (StreamPlace, Shown) {
        (self.changes.place(), *self.changes.shown())
    }

    async fn beat(&mut self) -> Result<Step, ConnectError> {
        let query = self.config.heartbeat.as_ref().and_then(|beat| beat.query.clone());
        if let Some(query) = query {
            let sql = self.sql().await?;
            sql.client().batch_execute(&query).await.map_err(|error| {
                let error = crate::postgres::client::failed(&error, "heartbeat.action.query");
                ConnectError::new(ErrorKind::BadConfig, error.to_string())
            })?;
        }
        self.beat_at = Instant::now();
        let ordinal = self.changes.next_ordinal();
        let beat = self.heartbeats.beat(ordinal);
        let Step::Batch(mut batch) = self.batch() else { return Ok(Step::NeedsText) };
        batch.batches.push(beat);
        Ok(Step::Batch(batch))
    }

    async fn ask_catalog(&mut self, oid: u32) -> Result<(), ConnectError> {
        let client = self.sql().await?.client();
        let table = load_table(client, oid).await?;
        let types = Types::load(client).await?;
        self.changes.resolve(oid, table.as_ref(), types);
        Ok(())
    }

    async fn ask_chunks(&mut self, oid: u32, keys: &[Vec<String>]) -> Result<(), ConnectError> {
        let Some((table, chunks)) = self.changes.chunks_of(oid) else {
            self.changes.answer(&[]);
            return Ok(());
        };
        let sql = self.sql().await?;
        let mut views = Vec::new();
        for key in keys {
            views.push(chunk_of(sql, &table, &chunks, key).await?);
        }
        self.changes.answer(&views);
        Ok(())
    }

    async fn sql(&mut self) -> Result<&Sql, ConnectError> {
        if self.sql.as_ref().is_none_or(|sql| sql.client().is_closed()) {
            self.sql = Some(self.config.server.sql().await?);
        }
        self.sql.as_ref().ok_or_else(|| ConnectError::retriable("no session for SQL"))
    }

    /// Ends it: tells the server a last time how far rows are durable.
    pub(crate) fn into_parts(mut self) -> (T, Changes) {
        self.transport.feedback(self.changes.received(), self.confirmed.get());
        (self.transport, self.changes)
    }
}

/// The connection broke: the task is opened again and goes on where it was.
fn lost(fault: Fault) -> ConnectError {
    let error = fault.during("the replication stream broke");
    ConnectError::new(ErrorKind::Retriable, error.to_string())
}
