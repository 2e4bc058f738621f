//! What the log must hold: the state after each group, and which of these
//! states a restart may show.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::compacted::Compaction;
use super::is_surely_refused;
use super::sequences::Sequences;
use super::shown::Shown;
use crate::api::{Result, TopicId, TopicInfo, TopicPartition, TopicSpec};
use crate::options::Durability;

/// A record that was appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// No other record has it.
    pub(super) id: u64,
    pub(super) time_ms: i64,
    /// Length of the batch that it is the first of; 0 for the others.
    pub(super) batch_len: u64,
    pub(super) key: Option<u8>,
    pub(super) is_tombstone: bool,
    /// When it was appended, by the wall clock.
    pub(super) appended_ms: i64,
}

/// What a partition must hold. Clones share what was not changed since.
#[derive(Clone, Debug, Default)]
pub(super) struct PartitionState {
    /// By offset, from 0 on.
    pub(super) records: Vec<Record>,
    pub(super) start: i64,
    /// Retention was at work at this wall-clock time, and what came of it is not
    /// known.
    pub(super) maybe_retained_at: Option<i64>,
    /// What it remembers of idempotent producers.
    pub(super) sequences: BTreeMap<i64, Sequences>,
}

/// What a topic must hold.
#[derive(Clone, Debug)]
pub(super) struct TopicState {
    pub(super) info: TopicInfo,
    pub(super) partitions: Vec<Rc<PartitionState>>,
    /// None if it never was to be compacted.
    pub(super) compaction: Option<Compaction>,
}

impl TopicState {
    fn new(info: TopicInfo) -> Self {
        let partitions = (0..info.partitions).map(|_| Rc::default()).collect();
        let compaction = Compaction::allowed(None, &info.config);
        Self { info, partitions, compaction }
    }

    pub(super) fn grow(&mut self, total: u32) {
        self.partitions.resize_with(total as usize, Rc::default);
        self.info.partitions = total;
    }

    pub(super) fn configure(&mut self, config: Vec<(String, String)>) {
        self.compaction = Compaction::allowed(self.compaction, &config);
        self.info.config = config;
    }
}

/// What the log must hold at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) topics: BTreeMap<TopicId, TopicState>,
    /// Topics whose ids are not known: nobody was told of them.
    nameless: Vec<TopicSpec>,
}

impl State {
    pub(super) fn add(&mut self, info: TopicInfo) {
        self.topics.insert(info.id, TopicState::new(info));
    }

    /// Adds a topic that nobody was told of.
    pub(super) fn add_nameless(&mut self, spec: TopicSpec) {
        self.nameless.push(spec);
    }

    pub(super) fn partition(&self, at: TopicPartition) -> Option<&PartitionState> {
        self.topics.get(&at.topic)?.partitions.get(at.partition as usize).map(|found| &**found)
    }

    pub(super) fn partition_mut(&mut self, at: TopicPartition) -> Option<&mut PartitionState> {
        let topic = self.topics.get_mut(&at.topic)?;
        topic.partitions.get_mut(at.partition as usize).map(Rc::make_mut)
    }

    pub(super) fn partitions_mut(&mut self) -> impl Iterator<Item = &mut PartitionState> {
        self.topics.values_mut().flat_map(|topic| topic.partitions.iter_mut().map(Rc::make_mut))
    }

    /// The state with the ids that the log shows, and what retention did that
    /// nobody was told of; or why the log does not show this state.
    fn matched(&self, shown: &Shown) -> std::result::Result<Self, String> {
        let mut state = self.clone();
        for spec in std::mem::take(&mut state.nameless) {
            let found = shown.topics.values().find(|topic| *topic.info.name == *spec.name);
            let found = found.filter(|topic| !self.topics.contains_key(&topic.info.id));
            let found = found.ok_or_else(|| format!("topic {} is missing", spec.name))?;
            state.add(found.info.clone());
        }
        for topic in state.topics.values_mut() {
            let found = shown.topics.get(&topic.info.id);
            let found = found.ok_or_else(|| format!("{:?} is lost", topic.info))?;
            if found.info != topic.info {
                return Err(format!("{:?} is shown for {:?}", found.info, topic.info));
            }
            let TopicState { info, partitions, compaction } = topic;
            for ((number, expected), found) in (0..).zip(partitions).zip(&found.partitions) {
                found
                    .match_with(Rc::make_mut(expected), info, *compaction)
                    .map_err(|reason| format!("partition {} {number}: {reason}", info.name))?;
            }
        }
        if shown.topics.len() > state.topics.len() {
            return Err("there is a topic that nobody made".to_owned());
        }
        Ok(state)
    }
}

/// The states that the log may be in.
pub(super) struct Model {
    durability: Durability,
    /// The states after each group, oldest first: those that a power cut may
    /// lead back to. The last one is what is acknowledged, and what is shown.
    states: VecDeque<(Duration, State)>,
    /// The state if the group whose outcome is not known was done.
    maybe: Option<State>,
    /// The state before the last group.
    before_last: Option<State>,
    pub(super) has_lost_power: bool,
    next_value: u64,
}

impl Model {
    pub(super) fn new(durability: Durability) -> Self {
        Self {
            durability,
            states: VecDeque::from([(Duration::ZERO, State::default())]),
            maybe: None,
            before_last: None,
            has_lost_power: false,
            next_value: 0,
        }
    }

    /// What is acknowledged.
    pub(super) fn known(&self) -> &State {
        &self.states[self.states.len() - 1].1
    }

    pub(super) fn fresh_value(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value
    }

    /// Begins to hear the answers of a group.
    pub(super) fn hearing(&self, has_failed: bool) -> Hearing {
        Hearing {
            known: self.known().clone(),
            maybe: None,
            has_failed,
            acknowledged: 0,
            refused: 0,
            repeated: 0,
        }
    }

    /// What is known now is what was there before the last group.
    pub(super) fn begin_group(&mut self) {
        self.before_last = Some(self.known().clone());
    }

    /// Takes what was heard of a group.
    pub(super) fn heard(&mut self, heard: Heard, now: Duration) {
        if heard.maybe.is_some() {
            assert!(self.maybe.is_none(), "a second group went on after one that failed");
            self.maybe = heard.maybe;
        }
        self.became(heard.known, now);
    }

    /// The state is this now, and acknowledged.
    pub(super) fn became(&mut self, state: State, now: Duration) {
        self.states.push_back((now, state));
        if self.durability == Durability::Fsync {
            self.all_is_durable();
        }
    }

    /// What was not acknowledged may have become this.
    pub(super) fn may_be(&mut self, state: State) {
        self.maybe.get_or_insert(state);
    }

    /// No power cut leads back behind the last state.
    pub(super) fn all_is_durable(&mut self) {
        self.states.drain(..self.states.len() - 1);
    }

    /// A tick was done now: at an interval, what is older than it is durable.
    pub(super) fn ticked(&mut self, now: Duration) {
        if let Durability::Interval(interval) = self.durability {
            let is_durable = |(at, _): &&(Duration, State)| *at + interval <= now;
            let durable = self.states.iter().take_while(is_durable).count();
            self.states.drain(..durable.saturating_sub(1));
        }
    }

    /// The log of a process that goes on must show what is acknowledged, and
    /// nothing else.
    pub(super) fn check_running(&self, shown: &Shown) {
        if let Err(reason) = self.known().matched(shown) {
            panic!("the running log does not show what it acknowledged: {reason}");
        }
    }

    /// What a restart shows, which must be one of the states that it may. The
    /// last group may be missing if `may_lose_last`.
    pub(super) fn matching(&self, shown: &Shown, may_lose_last: bool) -> State {
        let before = self.before_last.as_ref().filter(|_| may_lose_last);
        self.one_of(shown, self.has_lost_power, before)
    }

    /// What a restart shows after a loss of power now.
    pub(super) fn matching_after_power_cut(&self, shown: &Shown) {
        self.one_of(shown, true, None);
    }

    fn one_of(&self, shown: &Shown, has_lost_power: bool, before: Option<&State>) -> State {
        let oldest = if has_lost_power { 0 } else { self.states.len() - 1 };
        let states = self.states.range(oldest..).map(|(_, state)| state);
        let mut reasons = Vec::new();
        for state in self.maybe.iter().chain(states.rev()).chain(before) {
            match state.matched(shown) {
                Ok(state) => return state,
                Err(reason) => reasons.push(reason),
            }
        }
        panic!("the log is in none of the states that it may be in:\n  {}", reasons.join("\n  "));
    }

    /// A restart shows this, which must be one of the states that it may: it is
    /// known from here on, and durable.
    pub(super) fn adopt(&mut self, shown: &Shown, now: Duration) {
        let state = self.matching(shown, false);
        // The journal goes on where it ended, and its last group may be the one that
        // was not acknowledged. Nothing vouches for it before the next one or a seal.
        if self.known().matched(shown).is_err() {
            self.before_last = Some(self.known().clone());
        }
        self.states = VecDeque::from([(now, state)]);
        self.maybe = None;
        self.has_lost_power = false;
    }
}

/// The answers of one group as they come in, in order.
#[derive(Clone)]
pub(super) struct Hearing {
    known: State,
    /// The state if what has no certain answer was done.
    maybe: Option<State>,
    has_failed: bool,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    /// Batches that were sent again and known again.
    pub(super) repeated: u64,
}

/// What was heard of a group.
pub(super) struct Heard {
    known: State,
    maybe: Option<State>,
}

impl Heard {
    /// Whether its outcome is known.
    pub(super) fn is_certain(&self) -> bool {
        self.maybe.is_none()
    }
}

impl Hearing {
    /// The state that the last answer was given in.
    pub(super) fn latest(&self) -> &State {
        self.maybe.as_ref().unwrap_or(&self.known)
    }

    /// Takes an answer: `effect` is what it does to the state, with the answer if
    /// it is known.
    pub(super) fn take<T>(
        &mut self,
        answer: Result<T>,
        effect: impl FnOnce(&mut State, Option<T>),
    ) {
        match answer {
            Ok(done) => {
                assert!(self.maybe.is_none(), "a group was acknowledged in part");
                self.acknowledged += 1;
                effect(&mut self.known, Some(done));
            }
            Err(error) if is_surely_refused(&error, self.has_failed) => self.refused += 1,
            Err(_) => effect(self.maybe.get_or_insert_with(|| self.known.clone()), None),
        }
    }

    pub(super) fn end(self) -> Heard {
        Heard { known: self.known, maybe: self.maybe }
    }
}
