//! Work that the engine hands out: it is taken, run and handed back at any
//! steps, with others between.

use super::{Simulation, retention};
use crate::engine::Engine;

/// Hands back the outcome.
type Outcome = Box<dyn FnOnce(&mut Engine)>;
/// Does it.
type Work = Box<dyn FnOnce() -> Outcome>;

/// Everything that hands out work; one piece of each is under way at a time.
const SOURCES: &[fn(&mut Engine) -> Option<Work>] = &[sync, compaction, writes, fill];
/// Index of the writes of segments.
const WRITES: usize = 2;

fn writes(engine: &mut Engine) -> Option<Work> {
    let job = engine.take_writes()?;
    Some(Box::new(move || {
        let outcome = job.run_to_the_end();
        Box::new(move |engine: &mut Engine| engine.writes_done(outcome))
    }))
}

fn fill(engine: &mut Engine) -> Option<Work> {
    let job = engine.take_fill()?;
    Some(Box::new(move || {
        let outcome = job.run_to_the_end();
        Box::new(move |engine: &mut Engine| engine.filled(outcome))
    }))
}

fn sync(engine: &mut Engine) -> Option<Work> {
    let job = engine.take_job()?;
    Some(Box::new(move || {
        let outcome = job.run();
        Box::new(move |engine: &mut Engine| engine.job_done(outcome))
    }))
}

fn compaction(engine: &mut Engine) -> Option<Work> {
    let job = engine.take_compaction()?;
    Some(Box::new(move || {
        let outcome = job.run_to_the_end();
        Box::new(move |engine: &mut Engine| engine.compaction_done(outcome))
    }))
}

enum Stage {
    Taken(Work),
    Done(Outcome),
}

/// What is under way of each source.
pub(super) struct Background {
    under_way: Vec<Option<Stage>>,
}

impl Default for Background {
    fn default() -> Self {
        Self { under_way: SOURCES.iter().map(|_| None).collect() }
    }
}

impl Background {
    /// Takes what there is.
    pub(super) fn take(&mut self, engine: &mut Engine) {
        for (stage, source) in self.under_way.iter_mut().zip(SOURCES) {
            if stage.is_none() {
                *stage = source(engine).map(Stage::Taken);
            }
        }
    }

    fn has(&self, index: usize) -> bool {
        self.under_way[index].is_some()
    }

    fn advance(&mut self, index: usize, engine: &mut Engine) {
        self.under_way[index] = match self.under_way[index].take() {
            Some(Stage::Taken(work)) => Some(Stage::Done(work())),
            Some(Stage::Done(outcome)) => {
                outcome(engine);
                None
            }
            None => None,
        };
    }

    /// Ends all that is under way.
    pub(super) fn end(&mut self, engine: &mut Engine) {
        for index in 0..self.under_way.len() {
            while self.under_way[index].is_some() {
                self.advance(index, engine);
            }
        }
    }
}

/// One piece of work goes on by a stage.
pub(super) fn work(simulation: &mut Simulation, engine: &mut Engine) {
    let under_way = (0..SOURCES.len()).filter(|index| simulation.background.has(*index));
    let Some(index) = simulation.rng.choice(under_way.collect::<Vec<_>>()) else {
        return;
    };
    let sequence = engine.journal.next_sequence();
    simulation.background.advance(index, engine);
    // Only a swap is a group of its own.
    if engine.journal.next_sequence() > sequence && engine.stopped().is_none() {
        simulation.totals.compacted += 1;
    }
}

/// Writes of segments go on by a stage, or begin.
pub(super) fn write(simulation: &mut Simulation, engine: &mut Engine) {
    let stage = &mut simulation.background.under_way[WRITES];
    if stage.is_none() {
        *stage = writes(engine).map(Stage::Taken);
    } else {
        simulation.background.advance(WRITES, engine);
    }
}

/// Nothing is asked for long enough for a checkpoint, and for what comes after it.
pub(super) fn idle(simulation: &mut Simulation, engine: &mut Engine) {
    retention::tick_in(simulation, engine, 2100);
    for _ in 0..simulation.rng.usize(..8) {
        simulation.background.take(engine);
        work(simulation, engine);
    }
}
