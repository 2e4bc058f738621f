//! Topics that a sink is to read and that are not there: nothing comes from them, so
//! it is said (invariant 5). They are read as soon as they are made.

use std::collections::BTreeSet;

use thalweg_log::record::partition_of;

use super::SinkRun;
use crate::store::is_internal;

/// The topics of which it was said.
#[derive(Default)]
pub(super) struct Missing(BTreeSet<String>);

impl Missing {
    /// Says of each once in a run, and takes it back when the topic is there.
    pub(super) fn look(&mut self, run: &SinkRun) {
        let now = missing(run);
        for subject in self.0.difference(&now) {
            run.notes.clear(subject);
        }
        for subject in now.difference(&self.0) {
            let note = "it does not exist: nothing is read from it until it is made (by its source, \
                        by a producer, or by `thalweg topics create`), then it is read from its \
                        start; check topics and topics.regex if it has another name";
            tracing::warn!(connector = %run.connector, task = run.task, "{subject}: {note}");
            run.notes.set(subject.clone(), note);
        }
        self.0 = now;
    }
}

/// Those that this task would read the first partition of.
fn missing(run: &SinkRun) -> BTreeSet<String> {
    let topics = &run.settings.topics;
    let is_mine = |name: &&str| partition_of(name.as_bytes(), run.tasks) == run.task;
    let names = topics.names().filter(is_mine).filter(|name| run.log.topic(name).is_none());
    let mut found: BTreeSet<String> = names.map(|name| format!("topic {name}")).collect();
    if let (Some(pattern), 0) = (topics.pattern(), run.task) {
        let topics_there = run.log.topics();
        if !topics_there.iter().any(|topic| !is_internal(&topic.name) && topics.has(&topic.name)) {
            found.insert(format!("a topic like {pattern}"));
        }
    }
    found
}
