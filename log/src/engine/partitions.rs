//! Adding partitions to a topic.

use std::sync::Arc;

use super::{Engine, Partition};
use crate::api::{Result, TopicId};
use crate::error::LogError;
use crate::journal::{Body, Entry};
use crate::topic::PARTITIONS_MAX;
use crate::view::TopicView;

impl Engine {
    pub(super) fn stage_partitions(
        &mut self,
        id: TopicId,
        total: u32,
        body: &mut Body,
    ) -> Result<Arc<TopicView>> {
        let view = self.set_partitions(id, total)?;
        body.put(&Entry::Partitions { topic: id, total });
        Ok(view)
    }

    fn set_partitions(&mut self, id: TopicId, total: u32) -> Result<Arc<TopicView>> {
        let root = &self.root;
        let topic =
            self.topics.get_mut(&id).ok_or_else(|| LogError::UnknownTopic(id.to_string()))?;
        let known = topic.info.partitions;
        if total <= known || total > PARTITIONS_MAX {
            return Err(LogError::InvalidTopic(format!(
                "topic {} has {known} partitions and can not have {total}: {} to \
                 {PARTITIONS_MAX} are possible",
                topic.info.name,
                known.saturating_add(1)
            )));
        }
        let info = &topic.info;
        topic.partitions.extend((known..total).map(|number| Partition::new(root, info, number)));
        topic.info.partitions = total;
        Ok(topic.view())
    }

    /// Does it again, unless the checkpoint has it.
    pub(super) fn replay_partitions(&mut self, id: TopicId, total: u32) -> Result<()> {
        let is_known = self.topics.get(&id).is_some_and(|topic| topic.info.partitions >= total);
        if !is_known {
            let view = self.set_partitions(id, total)?;
            self.view.insert(view);
        }
        Ok(())
    }
}
