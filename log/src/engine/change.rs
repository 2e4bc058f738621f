//! Changes of topics, trims and retention.

use std::path::Path;
use std::sync::Arc;

use super::{Engine, Partition, Staged, Topic};
use crate::api::{Result, TopicId, TopicInfo, TopicPartition, TopicSpec};
use crate::checkpoint::Compacted;
use crate::error::LogError;
use crate::journal::{Body, Entry, SEAL_LEN};
use crate::segment::{Part, folder, path};
use crate::topic::{TopicConfig, check_spec};
use crate::view::{PartitionRecords, PartitionView, TopicView};

impl Topic {
    /// What readers see of it.
    pub(super) fn view(&self) -> Arc<TopicView> {
        let partitions = self.partitions.iter();
        Arc::new(TopicView {
            info: self.info.clone(),
            config: self.config,
            partitions: partitions.map(|p| Arc::clone(&p.view)).collect(),
        })
    }
}

impl Partition {
    /// An empty one.
    pub(super) fn new(root: &Path, info: &TopicInfo, number: u32) -> Self {
        Self {
            view: Arc::new(PartitionView::new(
                info.id,
                folder(root, &info.name, number),
                PartitionRecords::default(),
            )),
            next: 0,
            active: None,
            prepared: None,
            pending: Vec::new(),
            writing: Vec::new(),
            producers: Arc::default(),
            settled: 0,
            settling: 0,
            compacted: Compacted::default(),
        }
    }
}

impl Engine {
    pub(super) fn stage_create(
        &mut self,
        spec: &TopicSpec,
        body: &mut Body,
    ) -> Result<Arc<TopicView>> {
        check_spec(&self.options.topics, spec)?;
        if self.names.contains_key(spec.name.as_str()) {
            return Err(LogError::TopicExists(spec.name.clone()));
        }
        let info = TopicInfo {
            id: self.clock.fresh_id(),
            name: Arc::from(spec.name.as_str()),
            partitions: spec.partitions,
            config: spec.config.clone(),
        };
        body.put(&Entry::Create(info.clone()));
        self.add_topic(info)
    }

    /// Adds an empty topic to the engine's own state.
    pub(super) fn add_topic(&mut self, info: TopicInfo) -> Result<Arc<TopicView>> {
        let config = TopicConfig::parse(&self.options.topics, &info.config)?;
        let partitions =
            (0..info.partitions).map(|number| Partition::new(&self.root, &info, number));
        let topic = Topic { partitions: partitions.collect(), config, info };
        let view = topic.view();
        self.names.insert(Arc::clone(&topic.info.name), topic.info.id);
        self.topics.insert(topic.info.id, topic);
        Ok(view)
    }

    pub(super) fn stage_configure(
        &mut self,
        id: TopicId,
        config: Vec<(String, String)>,
        body: &mut Body,
    ) -> Result<Arc<TopicView>> {
        let view = self.set_config(id, config.clone())?;
        body.put(&Entry::Config(id, config));
        Ok(view)
    }

    pub(super) fn set_config(
        &mut self,
        id: TopicId,
        config: Vec<(String, String)>,
    ) -> Result<Arc<TopicView>> {
        let parsed = TopicConfig::parse(&self.options.topics, &config)?;
        let topic =
            self.topics.get_mut(&id).ok_or_else(|| LogError::UnknownTopic(id.to_string()))?;
        topic.config = parsed;
        topic.info.config = config;
        Ok(topic.view())
    }

    pub(super) fn stage_delete(&mut self, id: TopicId, body: &mut Body) -> Result<TopicInfo> {
        let info = self.drop_topic(id)?;
        body.put(&Entry::Delete(id));
        Ok(info)
    }

    /// Takes a topic out of the engine's own state.
    pub(super) fn drop_topic(&mut self, id: TopicId) -> Result<TopicInfo> {
        let topic =
            self.topics.remove(&id).ok_or_else(|| LogError::UnknownTopic(id.to_string()))?;
        self.names.remove(&topic.info.name);
        self.producer_count -= topic.producer_count();
        for partition in &topic.partitions {
            let pending = partition.pending.iter().chain(&partition.writing);
            let bytes = pending.map(|pending| pending.bytes.len());
            self.pending_bytes -= bytes.sum::<usize>();
        }
        self.unwritten.retain(|at| at.topic != id);
        self.broken.retain(|at| at.topic != id);
        self.dirty.retain(|(at, _), _| at.topic != id);
        Ok(topic.info)
    }

    /// Removes the files of a deleted topic. What does not go now goes when a
    /// restart replays the deletion, or when the name is used again.
    pub(super) fn finish_delete(&mut self, info: &TopicInfo) {
        self.view.remove(info.id);
        // A topic of the same name may have been made in the same group; its
        // files are made after this.
        for number in 0..info.partitions {
            let folder = folder(&self.root, &info.name, number);
            self.reader.forget(&folder);
            self.dirty_folders.remove(&folder);
            if let Err(error) = self.disk.remove_dir(&folder) {
                tracing::warn!(path = %folder.display(), %error, "removing a deleted topic");
            }
        }
        self.dirty_folders.insert(self.root.clone());
    }

    /// The new start of the partition.
    pub(super) fn stage_trim(
        &mut self,
        target: TopicPartition,
        before: i64,
        body: &mut Body,
    ) -> Result<i64> {
        let partition = self.partition(target)?;
        let start = partition.view.read().start;
        if before < 0 || before > partition.next {
            return Err(LogError::OffsetOutOfRange { offset: before, start, end: partition.next });
        }
        if before > start {
            body.put(&Entry::Trim { target, start: before });
        }
        Ok(before.max(start))
    }

    /// Forgets records, and removes the segments that hold only such.
    pub(super) fn finish_trim(&mut self, target: TopicPartition, start: i64) {
        let disk = Arc::clone(&self.disk);
        let Ok(partition) = self.partition(target) else {
            return;
        };
        let view = Arc::clone(&partition.view);
        let keep = partition.active.as_ref().map(|active| active.base);
        let mut records = view.write();
        records.start = records.start.max(start);
        let mut removed = Vec::new();
        records.segments.retain(|segment| {
            let is_kept = segment.next > start || Some(segment.base) == keep;
            if !is_kept {
                removed.push(segment.base);
            }
            is_kept
        });
        drop(records);
        if removed.is_empty() {
            return;
        }
        let mut freed = 0;
        for pending in [&mut partition.pending, &mut partition.writing] {
            pending.retain(|pending| {
                let is_kept = !removed.contains(&pending.base);
                freed += if is_kept { 0 } else { pending.bytes.len() };
                is_kept
            });
        }
        let is_written = partition.pending.is_empty() && partition.writing.is_empty();
        self.pending_bytes -= freed;
        if is_written {
            self.unwritten.remove(&target);
        }
        for base in removed {
            self.dirty.remove(&(target, base));
            for part in Part::ALL {
                let file_path = path(&view.folder, base, part);
                if let Err(error) = disk.remove_file(&file_path) {
                    tracing::warn!(path = %file_path.display(), %error, "removing a segment");
                }
            }
        }
        self.reader.forget(&view.folder);
        self.dirty_folders.insert(view.folder.clone());
    }

    /// Forgets what the topics' retention does not keep.
    pub(super) fn retain(&mut self) {
        let now = self.clock.wall_ms();
        let mut trims = Vec::new();
        for topic in self.topics.values().filter(|topic| topic.config.delete) {
            for (number, partition) in (0..).zip(&topic.partitions) {
                let records = partition.view.read();
                if let Some(start) = retained_from(&records, &topic.config, now) {
                    trims.push((topic.info.partition(number), start));
                }
            }
        }
        if trims.is_empty() {
            return;
        }
        let len = trims.len() * 128 + SEAL_LEN;
        if self.make_ready(len as u64).is_err() {
            return;
        }
        let mut body = Body::default();
        for (target, start) in &trims {
            body.put(&Entry::Trim { target: *target, start: *start });
            tracing::info!(
                topic = %target.topic, partition = target.partition, start, "retention"
            );
        }
        let trims: Vec<Staged> =
            trims.into_iter().map(|(target, start)| Staged::Trim(target, start, None)).collect();
        if self.write_frame(&body).and_then(|()| self.sync_removals(&trims)).is_err() {
            return;
        }
        for trim in trims {
            self.finish(trim);
        }
    }
}

/// The start that retention asks for, if it is another than it is. The segment
/// that is written to is kept by size, and forgotten by time as a whole.
fn retained_from(records: &PartitionRecords, config: &TopicConfig, now: i64) -> Option<i64> {
    let mut start = records.start;
    // All of them are looked at only where sizes count.
    let mut bytes = match config.retention_bytes {
        Some(_) => records.segments.iter().map(|segment| segment.len).sum::<u64>(),
        None => 0,
    };
    let count = records.segments.len();
    for (index, segment) in records.segments.iter().enumerate() {
        let is_active = index + 1 == count;
        let is_old =
            config.retention_ms.is_some_and(|keep| segment.newest_ms() < now.saturating_sub(keep));
        let is_over =
            config.retention_bytes.is_some_and(|keep| !is_active && bytes - segment.len >= keep);
        if !(is_old || is_over) {
            break;
        }
        bytes = bytes.saturating_sub(segment.len);
        start = start.max(segment.next);
    }
    // What was forgotten while it was written to goes once it is not.
    let is_left = count > 1 && records.segments[0].next <= start;
    (start > records.start || is_left).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Segment;

    /// Segments of 100 bytes and ten offsets with these largest timestamps.
    fn records(times_ms: &[i64]) -> PartitionRecords {
        let segments: Vec<Segment> = (0..)
            .zip(times_ms)
            .map(|(index, time_ms)| {
                let mut segment = Segment::new(index * 10, 0);
                segment.add(index * 10 + 9, *time_ms, 100);
                segment
            })
            .collect();
        let end = segments.last().map_or(0, |last| last.next);
        PartitionRecords::new(0, end, segments)
    }

    fn from(times_ms: &[i64], retention_ms: Option<i64>, bytes: Option<u64>) -> Option<i64> {
        let config = TopicConfig { retention_ms, retention_bytes: bytes, ..TopicConfig::default() };
        retained_from(&records(times_ms), &config, 1000)
    }

    #[test]
    fn retention_takes_from_the_front_what_is_too_old_or_too_much() {
        assert_eq!(from(&[100, 400, 900], None, None), None);
        // By time: up to the first that is young enough, the last one too.
        assert_eq!(from(&[499, 500, 100], Some(500), None), Some(10));
        assert_eq!(from(&[500, 100, 100], Some(500), None), None);
        assert_eq!(from(&[100, 200, 300], Some(500), None), Some(30));
        // By size: what is left is not less than what is to be kept, and never
        // the last one.
        assert_eq!(from(&[900, 900, 900], None, Some(200)), Some(10));
        assert_eq!(from(&[900, 900, 900], None, Some(201)), None);
        assert_eq!(from(&[900, 900, 900], None, Some(0)), Some(20));
        // A young segment that is over the size, and then old ones.
        assert_eq!(from(&[900, 100], Some(500), Some(100)), Some(20));
        assert_eq!(from(&[900, 100, 900], Some(500), Some(150)), Some(20));
        assert_eq!(from(&[900, 100], Some(500), Some(101)), None);
    }
}
