//! Reads and decodes ahead of the sink.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use thalweg_core::connector::{Notes, Offsets, ReadAs, SinkBatch, SinkPartition, StateStore};
use thalweg_core::{ConnectError, failpoint};
use thalweg_log::record::{BatchDecoder, OPENED_BYTES_MAX};
use thalweg_log::{Fetched, Log, LogError, OffsetAt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::decode::{Decoders, decode};
use super::{SinkRun, assign};
use crate::config::Settings;
use crate::log_errors::from_log;

/// Bytes of one read.
const READ_BYTES: usize = 1 << 20;

/// Most bytes of decoded rows that wait for the sink (invariant 7).
const AHEAD_BYTES_MAX: usize = 16 << 20;

/// Most batches that wait; their bytes are bounded by the budget.
const QUEUE_LEN: usize = 64;

/// What the reader found.
pub(super) enum Read {
    /// Rows, and their part of the budget.
    Rows {
        /// The rows.
        batch: Box<SinkBatch>,
        /// Released when the sink has taken them.
        permit: OwnedSemaphorePermit,
    },
    /// The end: nothing follows.
    Failed(ConnectError),
}

/// Where the reader puts what it found.
pub(super) fn channel() -> (mpsc::Sender<Read>, mpsc::Receiver<Read>) {
    mpsc::channel(QUEUE_LEN)
}

/// Reads some partitions.
pub(super) struct Reader {
    log: Arc<dyn Log>,
    settings: Arc<Settings>,
    notes: Notes,
    cursors: Vec<(SinkPartition, i64)>,
    /// Which schema the sink wants rows to have.
    wanted: ReadAs,
    state: Arc<dyn StateStore>,
    decoders: HashMap<SinkPartition, Decoders>,
    opener: BatchDecoder,
    budget: Arc<Semaphore>,
}

impl Reader {
    /// Of these partitions, from these offsets. What must be the same after a
    /// restart goes into the task's state.
    pub(super) fn new(run: &SinkRun, state: Arc<dyn StateStore>, next: Offsets) -> Self {
        Self {
            log: Arc::clone(&run.log),
            settings: Arc::clone(&run.settings),
            notes: run.notes.clone(),
            cursors: next,
            wanted: run.sink.read_as(&run.settings.config),
            state,
            decoders: HashMap::new(),
            opener: BatchDecoder::new(OPENED_BYTES_MAX),
            budget: Arc::new(Semaphore::new(AHEAD_BYTES_MAX)),
        }
    }

    /// Reads until the other end is dropped, or something can't be read.
    pub(super) async fn run(mut self, out: mpsc::Sender<Read>) {
        loop {
            let mut found = false;
            let mut number = 0;
            while number < self.cursors.len() {
                if out.is_closed() {
                    return;
                }
                match self.read(number, &out).await {
                    Ok(Some(any)) => {
                        found |= any;
                        number += 1;
                    }
                    // The topic is gone: the loop of the sink revokes it.
                    Ok(None) => {
                        let (partition, _) = self.cursors.swap_remove(number);
                        self.decoders.remove(&partition);
                    }
                    Err(error) => {
                        drop(out.send(Read::Failed(error)).await);
                        return;
                    }
                }
            }
            if !found && !self.wait(&out).await {
                return;
            }
        }
    }

    /// Waits for new records; false if nobody wants them any more.
    async fn wait(&mut self, out: &mpsc::Sender<Read>) -> bool {
        if self.cursors.is_empty() {
            out.closed().await;
            return false;
        }
        let at = self.cursors.iter().map(|(at, next)| (assign::in_log(at), *next)).collect();
        tokio::select! {
            () = out.closed() => false,
            waited = self.log.wait(at) => {
                if let Err(error) = waited {
                    let error = from_log(&error, "waiting for records");
                    drop(out.send(Read::Failed(error)).await);
                    return false;
                }
                true
            }
        }
    }

    /// Reads on in one partition: whether there was anything; none if it is
    /// gone.
    async fn read(
        &mut self,
        number: usize,
        out: &mpsc::Sender<Read>,
    ) -> Result<Option<bool>, ConnectError> {
        let (partition, next) = self.cursors[number].clone();
        let fetched = match self.log.read(assign::in_log(&partition), next, READ_BYTES).await {
            Ok(fetched) => fetched,
            Err(LogError::UnknownTopic(_)) => return Ok(None),
            Err(LogError::OffsetOutOfRange { start, .. }) if next < start => {
                self.removed(&partition, next, start);
                self.cursors[number].1 = start;
                return Ok(Some(true));
            }
            Err(error) => {
                let doing = format!("reading {}-{}", partition.topic, partition.partition);
                return Err(from_log(&error, doing));
            }
        };
        if fetched.batches.is_empty() {
            return Ok(Some(false));
        }
        self.hand_over(number, &partition, next, &fetched, out).await?;
        Ok(Some(true))
    }

    async fn hand_over(
        &mut self,
        number: usize,
        partition: &SinkPartition,
        next: i64,
        fetched: &Fetched,
        out: &mpsc::Sender<Read>,
    ) -> Result<(), ConnectError> {
        let decoders = match self.decoders.entry(partition.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let end = self.log.offset(assign::in_log(partition), OffsetAt::End).await;
                let end = end.map_err(|error| {
                    let (topic, number) = (&partition.topic, partition.partition);
                    from_log(&error, format!("reading the end of {topic}-{number}"))
                })?;
                let (settings, state) = (&self.settings, &self.state);
                place.insert(Decoders::new(settings, self.wanted, partition, (next, end), state)?)
            }
        };
        let decoded = decode(&fetched.batches, next, partition, decoders, &mut self.opener).await;
        failpoint::reach("sink.decoded");
        for batch in decoded.batches {
            // Columns that grow with their rows: at most twice as much is taken.
            let bytes = batch.batch.size().clamp(1, AHEAD_BYTES_MAX);
            let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
            let permit = tokio::select! {
                () = out.closed() => return Ok(()),
                permit = Arc::clone(&self.budget).acquire_many_owned(permits) => permit,
            };
            let Ok(permit) = permit else { return Ok(()) };
            if out.send(Read::Rows { batch: Box::new(batch), permit }).await.is_err() {
                return Ok(());
            }
        }
        self.cursors[number].1 = decoded.next;
        decoded.error.map_or(Ok(()), Err)
    }

    /// Retention removed records before they were read: it is said (invariant 4).
    fn removed(&self, partition: &SinkPartition, next: i64, start: i64) {
        let note = format!(
            "offsets {next} to {} were removed by retention before they were read: reading goes \
             on at {start}",
            start - 1
        );
        tracing::warn!(topic = %partition.topic, partition = partition.partition, "{note}");
        self.notes.set(format!("{}-{}", partition.topic, partition.partition), note);
    }
}
