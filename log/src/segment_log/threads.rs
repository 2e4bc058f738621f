//! The threads of the log: one for the engine, one for frames of the journal, one for
//! the writes of segments, one for their syncs and for zeros in the journal, one for
//! compaction.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};

use super::Shared;
use super::driver::{Behind, Driver, Workers};
use crate::api::Result;
use crate::compact::CompactionJob;
use crate::disk::FolderLock;
use crate::engine::{Engine, WriteJob};
use crate::error::LogError;
use crate::journal::FrameJob;

/// The running threads.
pub(super) struct Threads {
    engine: JoinHandle<Result<()>>,
    frames: JoinHandle<()>,
    writes: JoinHandle<()>,
    syncs: JoinHandle<()>,
    compaction: JoinHandle<()>,
    is_compaction_stopped: Arc<AtomicBool>,
}

impl Threads {
    /// Starts them. The lock on the data folder goes with the last.
    pub(super) fn start(engine: Engine, shared: Arc<Shared>, lock: FolderLock) -> io::Result<Self> {
        let lock = Arc::new(lock);
        let is_compaction_stopped = engine.compaction_stop();
        let (for_journal, todo) = channel::<FrameJob>();
        let (for_frames, held) = (Arc::clone(&shared), Arc::clone(&lock));
        let frames = Builder::new().name("log-journal".to_owned()).spawn(move || {
            for job in todo {
                for_frames.queue.push_frame(job.run_to_the_end());
            }
            drop(held);
        })?;
        let (for_segments, todo) = channel::<WriteJob>();
        let (for_writes, held) = (Arc::clone(&shared), Arc::clone(&lock));
        let writes = Builder::new().name("log-write".to_owned()).spawn(move || {
            for job in todo {
                for_writes.queue.push_written(job.run_to_the_end());
            }
            drop(held);
        })?;
        let (jobs, todo) = channel::<Behind>();
        let (for_syncs, held) = (Arc::clone(&shared), Arc::clone(&lock));
        let syncs = Builder::new().name("log-sync".to_owned()).spawn(move || {
            for job in todo {
                match job {
                    Behind::Sync(job) => for_syncs.queue.push_outcome(job.run_to_the_end()),
                    Behind::Fill(job) => for_syncs.queue.push_filled(job.run_to_the_end()),
                }
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
        let workers =
            Workers { frames: for_journal, writes: for_segments, behind: jobs, compaction: passes };
        let engine = Builder::new().name("log".to_owned()).spawn(move || {
            let _closer = Closer(Arc::clone(&shared));
            Driver::new(engine, &shared, workers).run()
        })?;
        Ok(Self { engine, frames, writes, syncs, compaction, is_compaction_stopped })
    }

    /// Waits for their ends.
    pub(super) fn join(self) -> Result<()> {
        self.is_compaction_stopped.store(true, Ordering::Relaxed);
        let done = self.engine.join();
        drop(self.frames.join());
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
