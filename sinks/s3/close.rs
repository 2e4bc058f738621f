//! Closing a round: plan, upload, done. Each step can be repeated.

use futures_util::{StreamExt, stream};
use thalweg_core::connector::SinkPartition;
use thalweg_core::{BoxFuture, ConnectError, failpoint};

use super::lane::{Lane, hex};
use super::names::KEY_BYTES_MAX;
use super::plan::{Content, FilePlan};
use super::replay::Replay;
use super::round::{ClosedFile, Round};
use super::store::{Found, Put, Store};
use super::task::Shared;
use crate::lake::Spooled;

/// Files of a round that go up at once.
const PUTS_MAX: usize = 4;

/// Bytes of a round above which its files go up one by one.
const PARALLEL_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// A round on its way into its place.
pub(super) struct Closing {
    from: i64,
    /// Whether the files have their names: those of an earlier plan have.
    named: bool,
    planned: bool,
    files: Vec<Planned>,
}

struct Planned {
    plan: FilePlan,
    file: Spooled,
    durable: bool,
}

impl Planned {
    /// Puts it into its place. If the name is taken, what lies there decides.
    async fn put(&mut self, store: &dyn Store) -> Result<(), ConnectError> {
        let plan = &self.plan;
        if store.put(plan, &self.file).await? == Put::Taken {
            let found = store.look(&plan.key).await?;
            self::found(&store.place(&plan.key), plan, found)?;
        }
        failpoint::reach("s3.put");
        self.durable = true;
        Ok(())
    }
}

impl Closing {
    /// The partition's next offset when the round began.
    pub(super) fn from(&self) -> i64 {
        self.from
    }
}

impl Lane {
    /// Closes the open round and brings its files into their places.
    pub(super) async fn rotate(&mut self, shared: &Shared) -> Result<(), ConnectError> {
        self.settle(shared).await?;
        self.close_round(shared)?;
        self.settle(shared).await
    }

    /// Closes the open round. From here on no error loses it: it is gone on with
    /// by `settle`.
    pub(super) fn close_round(&mut self, shared: &Shared) -> Result<(), ConnectError> {
        let round = self.round.take();
        let replays = round.as_ref().is_none_or(|round| round.replay);
        let replay = match self.replays.front() {
            Some(replay) if replays && self.next > replay.from => self.replays.pop_front(),
            _ => None,
        };
        let named = replay.is_some();
        let files = match (round, replay) {
            (round, Some(replay)) => self.same_as_planned(round, replay, shared)?,
            (Some(round), None) => self.planned(round, shared)?,
            (None, None) => return Ok(()),
        };
        if let Some((from, files)) = files {
            self.closing.push_back(Closing { from, named, planned: false, files });
        }
        Ok(())
    }

    /// Goes on with the rounds that are closed but not in their places.
    pub(super) async fn settle(&mut self, shared: &Shared) -> Result<(), ConnectError> {
        self.is_whole()?;
        while !self.closing.is_empty() {
            failpoint::reach("s3.closed");
            self.rename(shared).await?;
            self.plan(shared).await?;
            failpoint::reach("s3.planned");
            self.put(shared).await?;
            self.closing.pop_front();
            failpoint::reach("s3.settled");
        }
        Ok(())
    }

    /// Makes the plan of the first closed round durable: before the first of its
    /// files is there to be seen.
    async fn plan(&mut self, shared: &Shared) -> Result<(), ConnectError> {
        let Some(closing) = self.closing.front_mut().filter(|closing| !closing.planned) else {
            return Ok(());
        };
        let plans = closing.files.iter().map(|file| {
            let value = serde_json::to_value(&file.plan).map_err(|error| {
                ConnectError::fatal(format!("the plan of {}: {error}", file.plan.key))
            })?;
            Ok((file.plan.state_key(), Some(value)))
        });
        let plans = plans.collect::<Result<Vec<_>, ConnectError>>()?;
        // The garbage first: the new plan of a file may have the key of one that
        // was given up, of rows laid out in another way or read from elsewhere.
        let mut changes: Vec<_> = self.garbage.iter().map(|key| (key.clone(), None)).collect();
        changes.extend(plans);
        shared.context.state.put(changes).await?;
        self.garbage.clear();
        for file in &closing.files {
            let key = file.plan.state_key();
            if !self.plans.iter().any(|(_, known)| *known == key) {
                self.plans.push((file.plan.end, key));
            }
        }
        closing.planned = true;
        Ok(())
    }

    /// Puts the files of the first closed round into their places.
    async fn put(&mut self, shared: &Shared) -> Result<(), ConnectError> {
        let Some(closing) = self.closing.front_mut() else { return Ok(()) };
        let bytes: u64 = closing.files.iter().map(|file| file.file.bytes).sum();
        let at_once = if bytes > PARALLEL_BYTES_MAX { 1 } else { PUTS_MAX };
        let mut puts: Vec<BoxFuture<'_, Result<(), ConnectError>>> = Vec::new();
        for file in &mut closing.files {
            if !file.durable {
                puts.push(Box::pin(file.put(shared.store.as_ref())));
            }
        }
        // All are awaited, also after an error: none may land later than that.
        let put: Vec<_> = stream::iter(puts).buffer_unordered(at_once).collect().await;
        put.into_iter().collect()
    }

    /// Where an earlier topic of the same name left a file of that name, the new
    /// one's id is in it too.
    async fn rename(&mut self, shared: &Shared) -> Result<(), ConnectError> {
        let Some(closing) = self.closing.front_mut().filter(|closing| !closing.named) else {
            return Ok(());
        };
        for Planned { plan, .. } in &mut closing.files {
            if self.again && shared.store.look(&plan.key).await?.is_some() {
                plan.key = key(&self.partition, &plan.path, plan.first, true, shared)?;
            }
        }
        closing.named = true;
        Ok(())
    }

    /// Plans a round.
    fn planned(
        &mut self,
        round: Round,
        shared: &Shared,
    ) -> Result<Option<(i64, Vec<Planned>)>, ConnectError> {
        let (from, end) = (round.from, self.next - 1);
        let closed = round.close().map_err(|error| self.tear(end, &error))?;
        let mut files = Vec::with_capacity(closed.len());
        for closed in closed {
            let key = key(&self.partition, &closed.path, closed.first, false, shared)?;
            let plan = FilePlan {
                topic_id: self.partition.topic_id,
                partition: self.partition.partition,
                from,
                end,
                path: closed.path.to_string(),
                schema: hex(closed.schema),
                first: closed.first,
                last: closed.last,
                count: closed.count,
                key,
                content: content(&closed.file),
                former: Vec::new(),
                layout: shared.config.layout,
            };
            files.push(Planned { plan, file: closed.file, durable: false });
        }
        Ok((!files.is_empty()).then_some((from, files)))
    }

    /// Fits a round that was written again to its plan. Rows that the log has no
    /// more, by compaction or retention, are missing in both.
    fn same_as_planned(
        &mut self,
        round: Option<Round>,
        replay: Replay,
        shared: &Shared,
    ) -> Result<Option<(i64, Vec<Planned>)>, ConnectError> {
        let closed = match round {
            None => Vec::new(),
            Some(round) => round.close().map_err(|error| self.tear(replay.end, &error))?,
        };
        let (from, end) = (replay.from, replay.end);
        let waiting = replay.files.into_iter().filter(|(_, durable)| !durable);
        let mut waiting: Vec<FilePlan> = waiting.map(|(plan, _)| plan).collect();
        let mut files = Vec::with_capacity(waiting.len());
        let mut gone = 0;
        for closed in closed {
            let Some(found) = waiting.iter().position(|plan| holds(plan, &closed)) else {
                return Err(self.misfit(&closed, end));
            };
            let mut plan = waiting.swap_remove(found);
            gone += plan.count - closed.count;
            // The file is not there yet, so the plan can follow. Other bytes for
            // the same rows: this is another version of Thalweg.
            plan.change(closed.count, content(&closed.file));
            files.push(Planned { plan, file: closed.file, durable: false });
        }
        for plan in waiting {
            gone += plan.count;
            let key = plan.state_key();
            self.plans.retain(|(_, known)| *known != key);
            self.garbage.push(key);
        }
        if gone > 0 {
            self.tell_of_gone(gone, from, end, shared);
        }
        Ok((!files.is_empty()).then_some((from, files)))
    }

    /// Rows that are in no planned file: they may be in one that is there.
    fn misfit(&self, closed: &ClosedFile, end: i64) -> ConnectError {
        let SinkPartition { topic, partition, .. } = &self.partition;
        ConnectError::fatal(format!(
            "{topic}-{partition}: the rows from offset {} to {} do not fit the plan that was made \
             for them before a restart: some of its files are written already. Set the \
             connector's offset to {} to leave out the rest of them",
            closed.first,
            closed.last,
            end + 1
        ))
    }

    /// The log removed rows after they were planned: it is said (invariant 4).
    fn tell_of_gone(&self, gone: u64, from: i64, end: i64, shared: &Shared) {
        let SinkPartition { topic, partition, .. } = &self.partition;
        let note = format!(
            "{gone} row(s) of offsets {from} to {end} were removed from the log, by compaction or \
             retention, after files were planned for them and before these were written: they are \
             written without them"
        );
        tracing::warn!(%topic, partition, "{note}");
        shared.context.notes.set(format!("{topic}-{partition} files"), note);
    }
}

/// Whether a file is a planned one, as far as the log still has its rows.
fn holds(plan: &FilePlan, closed: &ClosedFile) -> bool {
    *plan.path == *closed.path
        && plan.schema == hex(closed.schema)
        && plan.first <= closed.first
        && closed.last <= plan.last
        && closed.count <= plan.count
}

fn content(file: &Spooled) -> Content {
    Content { bytes: file.bytes, crc: file.crc }
}

/// The name of a file.
fn key(
    partition: &SinkPartition,
    path: &str,
    first: i64,
    again: bool,
    shared: &Shared,
) -> Result<String, ConnectError> {
    let key = shared.config.names.key(partition, path, first, again);
    if key.len() > KEY_BYTES_MAX {
        let (topic, number) = (&partition.topic, partition.partition);
        return Err(ConnectError::fatal(format!(
            "{topic}-{number} at offset {first}: its file's name would be longer than \
             {KEY_BYTES_MAX} bytes: shorten topics.dir or choose another partition.field.name"
        )));
    }
    Ok(key)
}

/// What lies where a file should go: the file itself, from before a crash or a
/// lost answer, or something that must not be replaced.
fn found(place: &str, plan: &FilePlan, found: Option<Found>) -> Result<(), ConnectError> {
    let whose = match &found {
        None => {
            let message = format!("{place} was there, and is gone again");
            return Err(ConnectError::retriable(message));
        }
        Some(found) if found.is(plan) => return Ok(()),
        Some(found) => match &found.written_for {
            Some(noted) if noted.topic_id != plan.topic_id => {
                "was written for another topic of that name, deleted since"
            }
            Some(_) => "was written with other rows",
            None => "is there already, and was not written by this connector's plan",
        },
    };
    Err(ConnectError::fatal(format!(
        "{place} {whose}: nothing is written over it. Move it away, or set another topics.dir, \
         then restart the task"
    )))
}
