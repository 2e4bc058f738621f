//! The threads of the log: one for the engine, one for the writes of segments, one for
//! their syncs, one for compaction.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::Shared;
use super::queue::Stop;
use crate::api::Result;
use crate::compact::CompactionJob;
use crate::disk::FolderLock;
use crate::engine::{Engine, SyncJob, WriteJob};
use crate::error::LogError;

/// Wait of an engine that has nothing to do.
const IDLE_WAIT: Duration = Duration::from_secs(60);

/// The running threads.
pub(super) struct Threads {
    engine: JoinHandle<Result<()>>,
    writes: JoinHandle<()>,
    syncs: JoinHandle<()>,
    compaction: JoinHandle<()>,
    is_compaction_stopped: Arc<AtomicBool>,
}

/// Where the engine's jobs are done.
struct Workers {
    writes: Sender<WriteJob>,
    syncs: Sender<SyncJob>,
    compaction: Sender<CompactionJob>,
}

impl Threads {
    /// Starts them. The lock on the data folder goes with the last.
    pub(super) fn start(engine: Engine, shared: Arc<Shared>, lock: FolderLock) -> io::Result<Self> {
        let lock = Arc::new(lock);
        let is_compaction_stopped = engine.compaction_stop();
        let (for_segments, todo) = channel::<WriteJob>();
        let (for_writes, held) = (Arc::clone(&shared), Arc::clone(&lock));
        let writes = Builder::new().name("log-write".to_owned()).spawn(move || {
            for job in todo {
                for_writes.queue.push_written(job.run_to_the_end());
            }
            drop(held);
        })?;
        let (jobs, todo) = channel::<SyncJob>();
        let (for_syncs, held) = (Arc::clone(&shared), Arc::clone(&lock));
        let syncs = Builder::new().name("log-sync".to_owned()).spawn(move || {
            for job in todo {
                for_syncs.queue.push_outcome(job.run_to_the_end());
            }
            drop(held);
        })?;
        let (passes, todo) = channel::<CompactionJob>();
        let for_compaction = Arc::clone(&shared);
        let compaction = Builder::new().name("log-compact".to_owned()).spawn(move || {
            for job in todo {
                for_compaction.queue.push_compaction(job.run_to_the_end());
            }
            // The engine has ended.
            if let Some(outcome) = for_compaction.queue.take_compaction() {
                outcome.left_over().remove();
            }
            drop(lock);
        })?;
        let workers = Workers { writes: for_segments, syncs: jobs, compaction: passes };
        let engine = Builder::new().name("log".to_owned()).spawn(move || {
            let _closer = Closer(Arc::clone(&shared));
            run(engine, &shared, &workers)
        })?;
        Ok(Self { engine, writes, syncs, compaction, is_compaction_stopped })
    }

    /// Waits for their ends.
    pub(super) fn join(self) -> Result<()> {
        self.is_compaction_stopped.store(true, Ordering::Relaxed);
        let done = self.engine.join();
        drop(self.writes.join());
        drop(self.syncs.join());
        drop(self.compaction.join());
        done.unwrap_or_else(|_| Err(LogError::Stopped("its thread panicked".to_owned())))
    }
}

/// Refuses what is left when the engine's thread ends, however it ends.
struct Closer(Arc<Shared>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.queue.close();
        self.0.permits.close();
    }
}

fn run(mut engine: Engine, shared: &Shared, workers: &Workers) -> Result<()> {
    // A recovery may have left work.
    let mut wait = Some(Duration::ZERO);
    let mut is_syncing = false;
    let mut is_writing = false;
    loop {
        let wait_max = Some(wait.unwrap_or(IDLE_WAIT));
        let work = shared.queue.take(wait_max, engine.is_congested());
        if let Some(outcome) = work.written {
            is_writing = false;
            engine.writes_done(outcome);
        }
        if let Some(outcome) = work.outcome {
            is_syncing = false;
            engine.job_done(outcome);
        }
        if let Some(outcome) = work.compaction {
            engine.compaction_done(outcome);
        }
        if !work.commands.is_empty() {
            engine.commit(work.commands);
            shared.groups.fetch_add(1, Ordering::Relaxed);
        }
        match work.stop {
            Some(Stop::Abrupt) => return Ok(()),
            Some(Stop::Clean) if !is_syncing && !is_writing => return engine.close(),
            Some(Stop::Clean) => {
                // The outcome of a job wakes the queue; until then rest.
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            None => {}
        }
        wait = engine.tick();
        if let Some(job) = engine.take_job() {
            is_syncing = workers.syncs.send(job).is_ok();
        }
        if let Some(job) = engine.take_compaction() {
            // Without its thread there is no compaction, and all else goes on.
            drop(workers.compaction.send(job));
        }
        // After the job that is wanted, which has to wait for writes under way.
        if let Some(job) = engine.take_writes() {
            is_writing = workers.writes.send(job).is_ok();
        }
    }
}
