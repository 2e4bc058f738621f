//! Closing a round: plan, upload, done. Each step can be repeated.

use futures_util::{StreamExt, stream};
use thalweg_core::connector::SinkPartition;
use thalweg_core::{BoxFuture, ConnectError, failpoint};

use super::lane::{Lane, failed, hex};
use super::names::KEY_BYTES_MAX;
use super::plan::FilePlan;
use super::replay::Replay;
use super::round::Round;
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
            (round, Some(replay)) => self.same_as_planned(round, replay)?,
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
        &self,
        round: Round,
        shared: &Shared,
    ) -> Result<Option<(i64, Vec<Planned>)>, ConnectError> {
        let (from, end) = (round.from, self.next - 1);
        let closed = round.close().map_err(|error| failed(&self.partition, end, &error))?;
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
                bytes: closed.file.bytes,
                crc: closed.file.crc,
                layout: shared.config.layout,
            };
            files.push(Planned { plan, file: closed.file, durable: false });
        }
        Ok((!files.is_empty()).then_some((from, files)))
    }

    /// Fits a round that was written again to its plan.
    fn same_as_planned(
        &mut self,
        round: Option<Round>,
        replay: Replay,
    ) -> Result<Option<(i64, Vec<Planned>)>, ConnectError> {
        let (topic, number) = (self.partition.topic.clone(), self.partition.partition);
        let closed = match round {
            None => Vec::new(),
            Some(round) => {
                round.close().map_err(|error| failed(&self.partition, replay.end, &error))?
            }
        };
        let mut waiting: Vec<FilePlan> = replay
            .files
            .into_iter()
            .filter(|(_, durable)| !durable)
            .map(|(plan, _)| plan)
            .collect();
        let mut files = Vec::with_capacity(waiting.len());
        for closed in closed {
            let found = waiting.iter().position(|plan| {
                (plan.first, plan.last, plan.count) == (closed.first, closed.last, closed.count)
            });
            let Some(found) = found else {
                return Err(ConnectError::fatal(format!(
                    "{topic}-{number}: the rows from offset {} to {} do not fit the plan that was \
                     made for them before a restart: some of its files are written already. Set \
                     the connector's offset to {} to leave out the rest of them",
                    closed.first,
                    closed.last,
                    replay.end + 1
                )));
            };
            let mut plan = waiting.swap_remove(found);
            // Other bytes for the same rows: this is another version of Thalweg.
            // The file is not there yet, so the plan can follow.
            (plan.bytes, plan.crc) = (closed.file.bytes, closed.file.crc);
            files.push(Planned { plan, file: closed.file, durable: false });
        }
        match waiting.first() {
            None => Ok((!files.is_empty()).then_some((replay.from, files))),
            Some(plan) => Err(ConnectError::fatal(format!(
                "{topic}-{number}: {} was planned with {} rows from offset {} to {}, and these \
                 are no longer in the log. Set the connector's offset to {} to go on without them",
                plan.key,
                plan.count,
                plan.first,
                plan.last,
                replay.end + 1
            ))),
        }
    }
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
