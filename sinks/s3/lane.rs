//! One partition on its way into files.
//!
//! Rows are taken in order. A row goes into the open file of its path and
//! schema; all open files of a partition (a *round*) close together, as
//! Confluent's do: after `flush.size` rows, when time is up, when a new schema
//! comes. Then the plan of the round becomes durable, then its files, and then
//! the partition is durable up to the round's end (invariant 3).

use std::collections::VecDeque;
use std::io::ErrorKind;

use thalweg_core::ConnectError;
use thalweg_core::Coordinates;
use thalweg_core::connector::{Assigned, SinkBatch, SinkPartition};
use thalweg_core::schema::SchemaId;

use super::close::Closing;
use super::config::NullValues;
use super::partition::Places;
use super::plan::seed;
use super::replay::{self, Replay};
use super::round::Round;
use super::task::Shared;
use crate::lake::{FormatError, Unfit};

/// Most files of a partition that are open at once, if the config does not say:
/// their plans are one write of the state.
const OPEN_FILES_MAX: usize = 500;

/// Schemas that a partition is known to go back and forth between.
const RECENT_SCHEMAS_MAX: usize = 8;

/// One partition on its way into files.
pub(super) struct Lane {
    pub(super) partition: SinkPartition,
    /// The next offset to take: rows before it were taken.
    pub(super) next: i64,
    pub(super) round: Option<Round>,
    /// Rounds that are closed, but not all in their places yet, by offset. More
    /// than one only where a row was refused: see [`Lane::write`].
    pub(super) closing: VecDeque<Closing>,
    /// Rounds that an earlier run planned and that are ahead, by offset.
    pub(super) replays: VecDeque<Replay>,
    /// Keys of plans, by the end of their rounds: kept until that is committed.
    pub(super) plans: Vec<(i64, String)>,
    /// Keys of the state that go with the next plan.
    pub(super) garbage: Vec<String>,
    /// Whether an earlier topic of the same name had files.
    pub(super) again: bool,
    /// Refused rows that the runtime does not know of yet, by offset.
    rejected: Vec<(i64, ConnectError)>,
    recent: Vec<SchemaId>,
    /// Why a file is torn. Nothing goes on until the task begins anew.
    torn: Option<ConnectError>,
}

/// What is to be done about a row.
enum Step {
    /// It was taken.
    Taken,
    /// The round closes, then it is looked at again.
    CloseFirst,
    /// It was taken, and the round closes.
    CloseAfter,
}

/// The rows at hand.
struct Rows<'a> {
    batch: &'a SinkBatch,
    places: Places<'a>,
    schema: Option<SchemaId>,
    at: usize,
    now: i64,
}

impl Lane {
    /// Opens a partition where an earlier run left it. If files beyond the
    /// committed offset are there already, [`Lane::next`] is past them.
    pub(super) async fn open(
        assigned: &Assigned,
        again: bool,
        shared: &Shared,
    ) -> Result<Self, ConnectError> {
        let mut next = assigned.committed.unwrap_or_default();
        let left = replay::read(shared, &assigned.partition, next).await?;
        let mut plans = Vec::new();
        let mut replays = VecDeque::new();
        for round in left.rounds {
            plans.extend(round.files.iter().map(|(plan, _)| (plan.end, plan.state_key())));
            if replays.is_empty() && round.from <= next && round.is_durable() {
                next = next.max(round.end + 1);
            } else {
                replays.push_back(round);
            }
        }
        Ok(Self {
            partition: assigned.partition.clone(),
            next,
            round: None,
            closing: VecDeque::new(),
            replays,
            plans,
            garbage: left.garbage,
            again,
            rejected: Vec::new(),
            recent: Vec::new(),
            torn: None,
        })
    }

    /// Takes the rows that were not taken yet. After a retriable error the same
    /// batch goes on where it stopped.
    ///
    /// From the first refused row on nothing is planned or put into its place,
    /// only closed: that waits for the next call. So the refused rows are told
    /// before anything after them can be found durable by a later run, which
    /// would begin behind them (invariant 4), and no retriable error can come
    /// between. What waits is at most the rows of one batch (invariant 7).
    pub(super) async fn write(
        &mut self,
        batch: &SinkBatch,
        shared: &Shared,
        now: i64,
    ) -> Result<Vec<(usize, ConnectError)>, ConnectError> {
        self.settle(shared).await?;
        let places = shared.config.partitioner.reader(&batch.batch, self.partition.partition, now);
        let schema = batch.batch.value.as_ref().map(|value| value.layout().schema().id());
        let at = batch.offsets.partition_point(|&offset| offset < self.next);
        let mut rows = Rows { batch, places, schema, at, now };
        while self.take(&mut rows, shared)? {
            if self.rejected.is_empty() {
                self.rotate(shared).await?;
            } else {
                self.close_round(shared)?;
            }
        }
        let row_of = |offset| batch.offsets.binary_search(&offset).ok();
        let rejected = std::mem::take(&mut self.rejected).into_iter();
        Ok(rejected.filter_map(|(offset, error)| Some((row_of(offset)?, error))).collect())
    }

    /// How far the partition is durable: the next offset to be read after a
    /// restart.
    pub(super) fn durable(&self) -> i64 {
        let open = self.round.as_ref().map(|round| round.from);
        let closing = self.closing.front().map(Closing::from);
        let rejected = self.rejected.first().map(|(offset, _)| *offset);
        // A plan is gone through as a whole, or the rest of it would not fit.
        let replay = self.replays.front().filter(|replay| !replay.is_durable());
        let replay = replay.map(|replay| replay.from);
        [open, closing, rejected, replay].into_iter().flatten().fold(self.next, i64::min)
    }

    /// Closes the round if the clock says so.
    pub(super) async fn tick(&mut self, shared: &Shared, now: i64) -> Result<(), ConnectError> {
        self.settle(shared).await?;
        let Some(round) = &self.round else { return Ok(()) };
        let wall_clock = shared.config.partitioner.is_wall_clock().then_some(now);
        if !round.replay && (is_due(round, now) || is_over(round, wall_clock, shared)) {
            self.rotate(shared).await?;
        }
        Ok(())
    }

    /// Takes rows until there are none (false) or the round must close (true).
    fn take(&mut self, rows: &mut Rows<'_>, shared: &Shared) -> Result<bool, ConnectError> {
        while let Some(&offset) = rows.batch.offsets.get(rows.at) {
            let step = self.step(rows, offset, shared)?;
            if !matches!(step, Step::CloseFirst) {
                rows.at += 1;
                self.next = offset + 1;
            }
            if !matches!(step, Step::Taken) {
                self.append(rows)?;
                return Ok(true);
            }
        }
        self.append(rows)?;
        Ok(false)
    }

    fn step(
        &mut self,
        rows: &mut Rows<'_>,
        offset: i64,
        shared: &Shared,
    ) -> Result<Step, ConnectError> {
        let replaying = match self.replays.front() {
            Some(replay) if offset > replay.end => {
                // The log has no more rows of it.
                if self.round.as_ref().is_none_or(|round| round.replay) {
                    self.next = self.next.max(replay.end + 1);
                }
                return Ok(Step::CloseFirst);
            }
            Some(replay) if offset >= replay.from => true,
            _ => false,
        };
        if replaying && self.round.as_ref().is_some_and(|round| !round.replay) {
            return Ok(Step::CloseFirst);
        }
        let step = match self.place(rows, offset, shared) {
            None => Step::Taken,
            Some(time) if replaying => {
                let _ = time;
                self.step_replay(rows, offset, shared)?
            }
            Some(time) => self.step_new(rows, offset, time, shared)?,
        };
        let ends = self.replays.front().is_some_and(|replay| offset == replay.end);
        Ok(if replaying && ends { Step::CloseAfter } else { step })
    }

    /// Places a row and gives its time; none if it is left out or rejected.
    fn place(&mut self, rows: &mut Rows<'_>, offset: i64, shared: &Shared) -> Option<Option<i64>> {
        if self.replays.front().is_some_and(|r| offset >= r.from && r.is_durable()) {
            return None;
        }
        let present = rows.batch.batch.value.as_ref().is_some_and(|value| value.has_row(rows.at));
        let placed = match (present, shared.config.null_values) {
            (true, _) => rows.places.place(rows.at),
            (false, NullValues::Ignore) => return None,
            (false, NullValues::Fail) => Err(
                "it has no value (a tombstone): set behavior.on.null.values to ignore to leave \
                 such rows out"
                    .to_owned(),
            ),
        };
        placed.map_err(|reason| self.reject(offset, reason)).ok()
    }

    /// A row of a round that an earlier run planned: it goes where the plan says.
    fn step_replay(
        &mut self,
        rows: &Rows<'_>,
        offset: i64,
        shared: &Shared,
    ) -> Result<Step, ConnectError> {
        let Some(schema) = rows.schema else { return Ok(Step::Taken) };
        let Some(replay) = self.replays.front() else { return Ok(Step::Taken) };
        // By the clock, the row's path is what it was then.
        let wall_clock = shared.config.partitioner.is_wall_clock();
        let path = (!wall_clock).then(|| rows.places.path());
        let path = match replay.find(path, &hex(schema), offset) {
            Some((_, true)) => return Ok(Step::Taken),
            Some((plan, false)) => plan.path.clone(),
            // Left out the first time too, or else found out when it closes.
            None => rows.places.path().to_owned(),
        };
        let from = replay.from;
        self.round.get_or_insert_with(|| Round::new(from, true, None, None));
        self.select(rows, &path, schema, offset, shared)?;
        Ok(Step::Taken)
    }

    fn step_new(
        &mut self,
        rows: &Rows<'_>,
        offset: i64,
        time: Option<i64>,
        shared: &Shared,
    ) -> Result<Step, ConnectError> {
        let (path, rotation) = (rows.places.path(), &shared.config.rotation);
        let Some(schema) = rows.schema else { return Ok(Step::Taken) };
        if let Some(round) = &self.round {
            let moved = rotation.interval_ms.is_some()
                && rotation.on_path_change
                && time.is_some()
                && round.latest_path().is_some_and(|latest| latest != path);
            if round.rows > 0 && (moved || is_due(round, rows.now) || is_over(round, time, shared))
            {
                return Ok(Step::CloseFirst);
            }
            if round.find(path, schema).is_none() {
                // A new schema closes the round. One that was here before does
                // not: two that alternate would make a flood of tiny files.
                let changed = round.has_path(path) && !self.recent.contains(&schema);
                let open_max = rotation.open_files_max.unwrap_or(OPEN_FILES_MAX);
                if changed || round.open_files() >= open_max {
                    return Ok(Step::CloseFirst);
                }
            }
        } else {
            let due = rotation
                .schedule_ms
                .and_then(|every| super::schedule::next(rows.now, every, rotation.zone));
            self.round = Some(Round::new(self.next, false, time, due));
        }
        self.select(rows, path, schema, offset, shared)?;
        let full = self.round.as_ref().is_some_and(|round| round.rows >= rotation.flush_size);
        Ok(if full { Step::CloseAfter } else { Step::Taken })
    }

    fn select(
        &mut self,
        rows: &Rows<'_>,
        path: &str,
        schema: SchemaId,
        offset: i64,
        shared: &Shared,
    ) -> Result<(), ConnectError> {
        let (Some(round), Some(value)) = (&mut self.round, &rows.batch.batch.value) else {
            return Ok(());
        };
        let file = match round.find(path, schema) {
            Some(file) => file,
            None => {
                let seed = seed(&self.partition, offset);
                let writer = match shared.files.open(value.layout(), seed) {
                    Ok(writer) => writer,
                    Err(error) => return Err(self.tear(offset, &error)),
                };
                if !self.recent.contains(&schema) {
                    self.recent.truncate(RECENT_SCHEMAS_MAX - 1);
                    self.recent.insert(0, schema);
                }
                round.open(path, schema, offset, writer)
            }
        };
        round.select(file, u32::try_from(rows.at).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Writes the rows selected so far.
    fn append(&mut self, rows: &Rows<'_>) -> Result<(), ConnectError> {
        let (Some(round), Some(value)) = (&mut self.round, &rows.batch.batch.value) else {
            return Ok(());
        };
        let mut unfit = Vec::new();
        if let Err(error) = round.append(value, &rows.batch.offsets, &mut unfit) {
            return Err(self.tear(self.next, &error));
        }
        for Unfit { row, reason } in unfit {
            if let Some(&offset) = rows.batch.offsets.get(row as usize) {
                self.reject(offset, reason);
            }
        }
        Ok(())
    }

    /// A file that can't be written: what is open is lost, and nothing of it is
    /// committed. A disk that is full may have space when the task begins anew.
    pub(super) fn tear(&mut self, offset: i64, error: &FormatError) -> ConnectError {
        let (topic, number) = (&self.partition.topic, self.partition.partition);
        let told = format!("{topic}-{number} at offset {offset}: {error}");
        let error = match error {
            FormatError::Spool(error)
                if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
            {
                ConnectError::retriable(format!("{told} (free space; it is tried again)"))
            }
            FormatError::Spool(_) => {
                ConnectError::fatal(format!("{told} (mend that, then restart the task)"))
            }
            FormatError::Schema(_) => ConnectError::fatal(told),
        };
        self.torn = Some(error.clone());
        error
    }

    /// Whether rows can go on into files.
    pub(super) fn is_whole(&self) -> Result<(), ConnectError> {
        self.torn.clone().map_or(Ok(()), Err)
    }

    fn reject(&mut self, offset: i64, reason: String) {
        let at = Coordinates {
            place: self.partition.topic.to_string(),
            partition: Some(self.partition.partition),
            at: format!("offset {offset}"),
        };
        let error = ConnectError::bad_record(at, reason);
        let place = self.rejected.partition_point(|(known, _)| *known < offset);
        self.rejected.insert(place, (offset, error));
    }
}

/// Whether the clock closes a round.
fn is_due(round: &Round, now: i64) -> bool {
    round.due.is_some_and(|due| now >= due)
}

/// Whether a row of this time is beyond a round's span of time.
fn is_over(round: &Round, time: Option<i64>, shared: &Shared) -> bool {
    match (shared.config.rotation.interval_ms, round.base_time, time) {
        (Some(interval), Some(base), Some(time)) => time.saturating_sub(base) >= interval,
        _ => false,
    }
}

/// A schema's identity in a plan.
pub(super) fn hex(schema: SchemaId) -> String {
    format!("{:032x}", schema.as_u128())
}
