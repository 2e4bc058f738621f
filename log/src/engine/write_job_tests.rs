//! Tests of segments that are written beside the commits, on a simulated disk. They
//! unwrap: a failure is the test's answer.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::oneshot;

use super::{Append, CheckedGroup, Command, Engine, WriterToken};
use crate::api::{TopicInfo, TopicPartition, TopicSpec};
use crate::clock::ManualClock;
use crate::disk::sim::{Faults, SimDisk};
use crate::options::Options;
use crate::record::{BatchBuilder, Compression, check_batches};

fn open(disk: &SimDisk, clock: &Arc<ManualClock>) -> Engine {
    let options = Options { write_behind_bytes: 0, ..Options::default() };
    let clock: Arc<ManualClock> = Arc::clone(clock);
    Engine::open(Arc::new(disk.clone()), clock, Path::new("/data"), options).unwrap()
}

fn create(engine: &mut Engine, name: &str) -> TopicPartition {
    let spec = TopicSpec { name: name.to_owned(), partitions: 1, config: Vec::new() };
    let (reply, mut answer) = oneshot::channel();
    engine.commit(vec![Command::Create(spec, reply)]);
    let info: TopicInfo = answer.try_recv().unwrap().unwrap();
    info.partition(0)
}

fn append(engine: &mut Engine, target: TopicPartition) {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(1_700_000_000_000, None, Some(&[7; 5000]), &[]).unwrap();
    let batches = builder.finish().unwrap();
    let summaries = check_batches(&batches, 1 << 20, "").unwrap();
    let current = Arc::new(AtomicU64::new(1));
    let writer = WriterToken { id: "w".into(), current, generation: 1, failed: Arc::default() };
    let groups = vec![CheckedGroup { target, batches, summaries }];
    let (reply, mut answer) = oneshot::channel();
    engine.commit(vec![Command::Append(Append { writer, groups, reply, permit: None })]);
    answer.try_recv().unwrap().unwrap();
}

/// The segments of a topic could not be synced while those of another are being written,
/// and that other topic is deleted: nothing is left to be written, but a checkpoint must
/// not count on what was not synced.
#[test]
fn a_checkpoint_waits_until_what_could_not_be_synced_is_written_again() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed, Path::new("/data"));
        let clock = Arc::new(ManualClock::new(1_700_000_000_000, seed));
        let mut engine = open(&disk, &clock);
        let (kept, gone) = (create(&mut engine, "kept"), create(&mut engine, "gone"));
        append(&mut engine, kept);
        let sync = engine.make_job().unwrap();
        append(&mut engine, gone);
        let writes = engine.take_writes().unwrap();
        disk.set_faults(Faults { sync_error_at: Some(disk.calls()), ..Faults::default() });
        let outcome = sync.run_to_the_end();
        assert!(disk.has_failed());
        disk.set_faults(Faults::default());
        engine.job_done(outcome);
        assert!(engine.broken.contains(&kept), "it was another sync that failed");
        let (reply, mut answer) = oneshot::channel();
        engine.commit(vec![Command::Delete(gone.topic, reply)]);
        answer.try_recv().unwrap().unwrap();
        if let Some(job) = engine.take_job() {
            let outcome = job.run_to_the_end();
            engine.job_done(outcome);
        }
        let outcome = writes.run_to_the_end();
        engine.writes_done(outcome);
        assert_eq!(engine.stopped(), None);
        assert!(engine.broken.is_empty());
        drop(engine);
        let mut engine = open(&disk.power_cycle(), &clock);
        let view = engine.view.partition(kept).unwrap();
        let fetched = engine.reader.read(&view, 0, 1 << 20).unwrap();
        assert!(fetched.batches.len() > 5000, "seed {seed}: the record is gone");
        // It can still be written to.
        append(&mut engine, kept);
    }
}
