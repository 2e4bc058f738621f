//! What must be there after a crash.

use std::path::Path;

use thalweg_log::record::{BatchDecoder, Batches};
use thalweg_log::{Log, SegmentLog, TopicInfo};

use crate::child::Said;
use crate::workload::{PARTITIONS, TOPIC, is_in, offset_of, options, scratch_name, value};

/// What was said to be durable, over all children.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// Numbers below this one.
    durable: u64,
    trimmed: [u64; PARTITIONS as usize],
    created: Option<u64>,
    /// Said too late to count: they may be there, and the one before them gone.
    created_late: Vec<u64>,
    deleted: Option<u64>,
    /// Numbers that were checked, over all checks.
    pub(crate) checked: u64,
}

/// A record as it was read.
struct Found {
    offset: u64,
    number: u64,
}

impl Checker {
    pub(crate) fn hear(&mut self, said: &[Said]) {
        for said in said {
            match said {
                Said::Durable(number) => self.durable = self.durable.max(number + 1),
                Said::Trimmed(partition, start) => {
                    let known = &mut self.trimmed[*partition as usize];
                    *known = (*known).max(*start);
                }
                Said::Created(number) => self.created = Some(*number),
                Said::Deleted(number) => self.deleted = Some(*number),
                Said::Refused(_) | Said::Accepted | Said::Closed(_) | Said::Killed => {}
            }
        }
    }

    /// Hears what was said too late to count. A child says which topic is there
    /// before it deletes the ones before it.
    pub(crate) fn hear_late(&mut self, said: &[Said]) {
        self.created_late.extend(said.iter().filter_map(|said| match said {
            Said::Created(number) => Some(*number),
            _ => None,
        }));
    }

    /// Opens the log and compares. `keeps_all` is the promise: what was said to be
    /// durable is there. Without it the log may have gone back, but only as a
    /// whole. Returns how many numbers there are.
    pub(crate) fn check(&mut self, folder: &Path, keeps_all: bool) -> u64 {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let runtime = runtime.unwrap();
        runtime.block_on(async {
            let log = SegmentLog::open(folder, options("fsync")).unwrap();
            let end = match log.topic(TOPIC) {
                Some(topic) => self.check_numbers(&log, &topic, keeps_all).await,
                None => 0,
            };
            if keeps_all {
                assert!(
                    end >= self.durable,
                    "{} numbers were durable, {end} are there",
                    self.durable
                );
                self.check_topics(&log);
            } else {
                self.trimmed = [0; PARTITIONS as usize];
                (self.created, self.deleted) = (None, None);
                self.created_late.clear();
            }
            self.durable = end;
            // Now and then a clean stop, and now and then none.
            if end % 2 == 0 {
                log.close().await.unwrap();
            }
            end
        })
    }

    fn check_topics(&mut self, log: &SegmentLog) {
        let is_there = |number: u64| log.topic(&scratch_name(number)).is_some();
        let late = std::mem::take(&mut self.created_late);
        let late = late.into_iter().rev().find(|number| is_there(*number));
        if let Some(number) = self.created {
            assert!(is_there(number) || late.is_some(), "topic {number} is lost");
        }
        // The restart has made it durable.
        self.created = late.or(self.created);
        if let Some(number) = self.deleted {
            assert!(!is_there(number), "topic {number} is back");
        }
    }

    async fn check_numbers(&mut self, log: &SegmentLog, topic: &TopicInfo, keeps_all: bool) -> u64 {
        let mut found = Vec::new();
        for partition in 0..PARTITIONS {
            found.push(read(log, topic, partition).await);
        }
        let last = found.iter().filter_map(|records| records.last()).map(|found| found.number);
        let end = last.max().map_or(0, |last| last + 1);
        for (partition, records) in (0..).zip(&found) {
            let start = records.first().map_or_else(|| offset_of(end, partition), |r| r.offset);
            let trimmed = self.trimmed[partition as usize];
            assert!(!keeps_all || start >= trimmed, "trimmed to {trimmed}, starts at {start}");
            // From the start on all numbers that belong here, up to the last of
            // any partition: an append is there as a whole.
            let first = records.first().map_or(end, |found| found.number);
            let mut numbers = (first..end).filter(|number| is_in(*number, partition));
            for found in records {
                assert_eq!(Some(found.number), numbers.next(), "in partition {partition}");
                assert_eq!(found.offset, offset_of(found.number, partition));
            }
            assert_eq!(numbers.next(), None, "partition {partition} ends before the others");
            self.checked += records.len() as u64;
        }
        end
    }
}

async fn read(log: &SegmentLog, topic: &TopicInfo, partition: u32) -> Vec<Found> {
    let at = topic.partition(partition);
    let mut next = log.offset(at, thalweg_log::OffsetAt::Start).await.unwrap();
    let mut found = Vec::new();
    let mut decoder = BatchDecoder::new(1 << 20);
    loop {
        let fetched = log.read(at, next, 300_000).await.unwrap();
        if fetched.batches.is_empty() {
            assert_eq!(next, fetched.end);
            return found;
        }
        for batch in Batches::new(&fetched.batches) {
            let batch = batch.unwrap();
            batch.header.check(batch.bytes).unwrap();
            for record in decoder.decode(&batch).unwrap() {
                let record = record.unwrap();
                let text = std::str::from_utf8(record.value.unwrap()).unwrap();
                let number = text.split(' ').next().unwrap().parse().unwrap();
                assert_eq!(text, value(number));
                assert_eq!(record.offset, next);
                next += 1;
                found.push(Found { offset: u64::try_from(record.offset).unwrap(), number });
            }
        }
    }
}
