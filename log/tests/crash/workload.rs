//! What the child does. The numbers 0, 1, 2, ... are appended, each to two of
//! three partitions at once, so that every record tells which ones must be there.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use thalweg_log::record::{BatchBuilder, Compression};
use thalweg_log::{
    Group, Log, LogError, OffsetAt, Options, Pending, SegmentLog, TopicInfo, TopicSpec, Writer,
};

pub(crate) const PARTITIONS: u32 = 3;
pub(crate) const TOPIC: &str = "numbers";
/// Appends under way.
const UNDER_WAY: usize = 5;
/// And at times.
const UNDER_WAY_MAX: usize = 100;
/// Numbers that a trim keeps.
const KEPT: u64 = 600;

/// Whether a number is in this partition.
pub(crate) fn is_in(number: u64, partition: u32) -> bool {
    number % u64::from(PARTITIONS) != u64::from(partition)
}

/// Offset of the first number at or after this one in a partition.
pub(crate) fn offset_of(number: u64, partition: u32) -> u64 {
    let missing = number.saturating_sub(u64::from(partition)).div_ceil(u64::from(PARTITIONS));
    number - missing
}

/// The value of a number. It begins with the number.
pub(crate) fn value(number: u64) -> String {
    let len = number.wrapping_mul(7919) % 3000;
    let filler = char::from(b'a' + u8::try_from(number % 26).unwrap());
    format!("{number} {}", filler.to_string().repeat(usize::try_from(len).unwrap()))
}

pub(crate) fn scratch_name(number: u64) -> String {
    format!("scratch-{number}")
}

/// Small files, so that all that happens to them happens often.
pub(crate) fn options(durability: &str) -> Options {
    Options {
        durability: durability.parse().unwrap(),
        journal_file_bytes: 256 << 10,
        tail_bytes_max: 64 << 10,
        write_behind_bytes: 8 << 10,
        ..Options::default()
    }
}

fn batch(number: u64) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(1_700_000_000_000, None, Some(value(number).as_bytes()), &[]).unwrap();
    builder.finish().unwrap()
}

/// Tells the parent.
fn say(what: &str) {
    // A line of its own, whatever the harness has printed before.
    println!("\n={what}");
}

/// The writing side of the log.
pub(crate) struct Workload {
    log: SegmentLog,
    topic: TopicInfo,
    writer: Box<dyn Writer>,
    next: u64,
    pending: VecDeque<(u64, Pending)>,
}

impl Workload {
    pub(crate) async fn open(folder: &Path, durability: &str) -> Result<Self, LogError> {
        let log = SegmentLog::open(folder, options(durability))?;
        let topic = match log.topic(TOPIC) {
            Some(topic) => topic,
            None => {
                let config = vec![("segment.bytes".to_owned(), "100000".to_owned())];
                let spec = TopicSpec { name: TOPIC.to_owned(), partitions: PARTITIONS, config };
                log.create_topic(spec).await?
            }
        };
        let mut ends = 0;
        for number in 0..PARTITIONS {
            ends += log.offset(topic.partition(number), OffsetAt::End).await?;
        }
        let writer = log.open_writer("crash").await?;
        let next = u64::try_from(ends).unwrap() / 2;
        Ok(Self { log, topic, writer, next, pending: VecDeque::new() })
    }

    /// Appends the next number.
    pub(crate) async fn append(&mut self) -> Result<(), LogError> {
        let number = self.next;
        let batches = batch(number);
        let targets = (0..PARTITIONS).filter(|partition| is_in(number, *partition));
        let groups = targets.map(|partition| Group {
            target: self.topic.partition(partition),
            batches: batches.clone(),
        });
        let pending = self.writer.append(groups.collect()).await?;
        self.pending.push_back((number, pending));
        self.next += 1;
        // At times so many that their groups overlap.
        let is_many = number / 32 % 2 == 1;
        self.hear(if is_many { UNDER_WAY_MAX } else { UNDER_WAY }).await
    }

    /// Hears of appends until so many are left.
    async fn hear(&mut self, left: usize) -> Result<(), LogError> {
        while self.pending.len() > left {
            if let Some((number, pending)) = self.pending.pop_front() {
                pending.await?;
                say(&format!("durable {number}"));
            }
        }
        Ok(())
    }

    async fn change_topics(&self) -> Result<(), LogError> {
        let number = self.next / 40;
        if self.log.topic(&scratch_name(number)).is_none() {
            let name = scratch_name(number);
            let spec = TopicSpec { name, partitions: 2, config: Vec::new() };
            let topic = self.log.create_topic(spec).await?;
            let groups = vec![Group { target: topic.partition(1), batches: batch(number) }];
            self.log.open_writer("scratch").await?.append(groups).await?.await?;
        }
        // Also if a former child made it: from here on older ones may go.
        say(&format!("created {number}"));
        for topic in self.log.topics() {
            let old = topic.name.strip_prefix("scratch-").and_then(|text| text.parse::<u64>().ok());
            if let Some(old) = old.filter(|old| *old < number) {
                self.log.delete_topic(topic.id).await?;
                say(&format!("deleted {old}"));
            }
        }
        Ok(())
    }

    async fn trim(&self) -> Result<(), LogError> {
        let partition = u32::try_from(self.next / 30 % 3).unwrap();
        let end = self.log.offset(self.topic.partition(partition), OffsetAt::End).await?;
        let start = offset_of(self.next.saturating_sub(KEPT), partition);
        let start = i64::try_from(start).unwrap().min(end);
        self.log.trim(self.topic.partition(partition), start).await?;
        say(&format!("trimmed {partition} {start}"));
        Ok(())
    }

    /// Appends until `limit` numbers are there, with all else that changes a log.
    pub(crate) async fn run(&mut self, limit: u64) -> Result<(), LogError> {
        let until = self.next.saturating_add(limit);
        while self.next < until {
            self.append().await?;
            if self.next.is_multiple_of(40) {
                self.change_topics().await?;
            }
            if self.next.is_multiple_of(30) {
                self.trim().await?;
            }
            if self.next.is_multiple_of(150) {
                // Long enough for the journal to be sealed, and filled ahead.
                tokio::time::sleep(Duration::from_millis(130)).await;
            }
        }
        self.hear(0).await
    }

    /// After a failure: whether a writer of its own gets another number in.
    pub(crate) async fn try_again(&mut self) -> Result<(), LogError> {
        self.pending.clear();
        self.writer = self.log.open_writer("crash").await?;
        let mut ends = 0;
        for number in 0..PARTITIONS {
            ends += self.log.offset(self.topic.partition(number), OffsetAt::End).await?;
        }
        self.next = u64::try_from(ends).unwrap() / 2;
        self.append().await?;
        self.hear(0).await
    }

    pub(crate) async fn close(self) -> Result<(), LogError> {
        self.log.close().await
    }
}

/// The child's whole life. What fails is said, and tried again twice.
pub(crate) async fn child(folder: &Path, durability: &str, limit: u64) {
    let mut workload = match Workload::open(folder, durability).await {
        Ok(workload) => workload,
        Err(error) => return say(&format!("closed {error}")),
    };
    if let Err(error) = workload.run(limit).await {
        say(&format!("refused {error}"));
        for _ in 0..2 {
            match workload.try_again().await {
                Ok(()) => say("accepted"),
                Err(error) => say(&format!("refused {error}")),
            }
        }
    }
    match workload.close().await {
        Ok(()) => say("closed"),
        Err(error) => say(&format!("closed {error}")),
    }
}
