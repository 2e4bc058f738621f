//! Reads of a running log, which shows what is acknowledged and nothing else.

use super::Simulation;
use super::appends;
use super::shown::Shown;
use crate::engine::Engine;

pub(super) fn read_somewhere(simulation: &mut Simulation, engine: &mut Engine) {
    let Some(target) = simulation.some_partition() else {
        return;
    };
    let model = simulation.model.known().partition(target).unwrap();
    let end = i64::try_from(model.records.len()).unwrap();
    if model.start >= end {
        return;
    }
    let offset = simulation.rng.i64(model.start..end);
    let view = engine.view.partition(target).unwrap();
    let fetched = match engine.reader.read(&view, offset, simulation.rng.usize(..9000)) {
        Ok(fetched) => fetched,
        Err(error) => {
            assert!(simulation.disk.has_failed(), "reading: {error}");
            return;
        }
    };
    let found = appends::read(&fetched.batches);
    assert!(found.next > offset, "a read at {offset} ends at {}", found.next);
    for (at, id) in found.records {
        assert_eq!(model.records[usize::try_from(at).unwrap()].id, id, "at offset {at}");
    }
}

impl Simulation {
    /// Compares what the running log shows with what it acknowledged: the ends
    /// always, all records now and then.
    pub(super) fn see(&mut self, engine: &Engine) {
        for (id, topic) in &self.model.known().topics {
            for (number, expected) in (0..).zip(&topic.partitions) {
                let view = engine.view.partition(topic.info.partition(number)).unwrap();
                let records = view.read();
                let end = i64::try_from(expected.records.len()).unwrap();
                assert_eq!((records.start, records.end), (expected.start, end), "{id} {number}");
            }
        }
        if self.rng.u8(..30) == 0 {
            match Shown::read(engine, self.rng.usize(..20_000)) {
                Ok(shown) => self.model.check_running(&shown),
                Err(error) => assert!(self.disk.has_failed(), "reading: {error}"),
            }
        }
    }
}
