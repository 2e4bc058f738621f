//! Commands on their way: into the frame, and, once that is durable, into view.

use std::sync::Arc;

use super::append::Landed;
use super::{Append, Command, Engine, Produce, Produced, Reply};
use crate::api::{Result, TopicInfo, TopicPartition};
use crate::error::LogError;
use crate::journal::Body;
use crate::view::TopicView;

/// A command that is in the frame, and what is to be done once that is durable.
pub(super) enum Staged {
    Append(Vec<Landed>, Append),
    /// Nothing has landed if the batch was there before.
    Produce(Option<Landed>, Produced, Produce),
    ProducerId(i64, Reply<i64>),
    Partitions(Arc<TopicView>, Reply<TopicInfo>),
    Create(Arc<TopicView>, Reply<TopicInfo>),
    Configure(Arc<TopicView>, Reply<()>),
    Delete(TopicInfo, Reply<()>),
    Trim(TopicPartition, i64, Option<Reply<()>>),
    Barrier(Reply<()>),
}

impl Engine {
    pub(super) fn stage(&mut self, command: Command, body: &mut Body) -> Option<Staged> {
        match command {
            Command::Append(mut append) => {
                let groups = std::mem::take(&mut append.groups);
                match self.stage_append(&append.writer, groups, body) {
                    Ok(landed) => Some(Staged::Append(landed, append)),
                    Err(error) => {
                        append.writer.fail(&error);
                        drop(append.reply.send(Err(error)));
                        None
                    }
                }
            }
            Command::Produce(mut produce) => {
                let group = produce.group.take()?;
                match self.stage_produce(group, body) {
                    Ok((produced, landed)) => Some(Staged::Produce(landed, produced, produce)),
                    Err(error) => {
                        drop(produce.reply.send(Err(error)));
                        None
                    }
                }
            }
            Command::ProducerId(reply) => {
                Some(Staged::ProducerId(self.stage_producer_id(body), reply))
            }
            Command::AddPartitions(id, total, reply) => {
                let staged = self.stage_partitions(id, total, body);
                or_refuse(staged, reply, Staged::Partitions)
            }
            Command::Create(spec, reply) => {
                let staged = self.stage_create(&spec, body);
                or_refuse(staged, reply, Staged::Create)
            }
            Command::Configure(id, config, reply) => {
                let staged = self.stage_configure(id, config, body);
                or_refuse(staged, reply, Staged::Configure)
            }
            Command::Delete(id, reply) => {
                let staged = self.stage_delete(id, body);
                or_refuse(staged, reply, Staged::Delete)
            }
            Command::Trim(target, before, reply) => {
                let staged = self.stage_trim(target, before, body);
                or_refuse(staged, reply, |start, reply| Staged::Trim(target, start, Some(reply)))
            }
            Command::Barrier(reply) => Some(Staged::Barrier(reply)),
        }
    }

    /// Makes what is durable visible, and answers.
    pub(super) fn finish(&mut self, staged: Staged) {
        match staged {
            Staged::Append(landed, append) => {
                let appended = landed.iter().map(Landed::appended).collect();
                for landed in landed {
                    self.show(landed);
                }
                let Append { reply, permit, .. } = append;
                drop(reply.send(Ok(appended)));
                drop(permit);
            }
            Staged::Produce(landed, produced, produce) => {
                if let Some(landed) = landed {
                    self.show(landed);
                }
                let Produce { reply, permit, .. } = produce;
                drop(reply.send(Ok(produced)));
                drop(permit);
            }
            Staged::ProducerId(id, reply) => drop(reply.send(Ok(id))),
            Staged::Create(topic, reply) | Staged::Partitions(topic, reply) => {
                let info = topic.info.clone();
                self.view.insert(topic);
                drop(reply.send(Ok(info)));
            }
            Staged::Configure(topic, reply) => {
                self.view.insert(topic);
                drop(reply.send(Ok(())));
            }
            Staged::Delete(info, reply) => {
                self.finish_delete(&info);
                drop(reply.send(Ok(())));
            }
            Staged::Trim(target, start, reply) => {
                self.finish_trim(target, start);
                if let Some(reply) = reply {
                    drop(reply.send(Ok(())));
                }
            }
            Staged::Barrier(reply) => drop(reply.send(Ok(()))),
        }
    }
}

fn or_refuse<T, A>(
    staged: Result<T>,
    reply: Reply<A>,
    wrap: impl FnOnce(T, Reply<A>) -> Staged,
) -> Option<Staged> {
    match staged {
        Ok(staged) => Some(wrap(staged, reply)),
        Err(error) => {
            drop(reply.send(Err(error)));
            None
        }
    }
}

impl Staged {
    pub(super) fn refuse(self, error: &LogError) {
        let error = error.clone();
        match self {
            Self::Append(_, append) => drop(append.reply.send(Err(error))),
            Self::Produce(_, _, produce) => drop(produce.reply.send(Err(error))),
            Self::ProducerId(_, reply) => drop(reply.send(Err(error))),
            Self::Create(_, reply) | Self::Partitions(_, reply) => drop(reply.send(Err(error))),
            Self::Configure(_, reply)
            | Self::Delete(_, reply)
            | Self::Trim(_, _, Some(reply))
            | Self::Barrier(reply) => drop(reply.send(Err(error))),
            Self::Trim(_, _, None) => {}
        }
    }
}
