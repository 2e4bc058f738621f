//! The end of a process, of the power, and what is there after it.

use std::path::Path;
use std::sync::Arc;

use super::rot::JournalEnd;
use super::shown::Shown;
use super::{ROOT, Simulation};
use crate::api::Result;
use crate::clock::Clock;
use crate::disk::sim::{Faults, SimDisk};
use crate::engine::Engine;

impl Simulation {
    pub(super) fn open(&self, disk: &SimDisk) -> Result<Engine> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Engine::open(Arc::new(disk.clone()), clock, Path::new(ROOT), self.options.clone())
    }

    /// Opens, with faults now and then while it does. What the log shows then is
    /// known from there on.
    pub(super) fn open_at_last(&mut self) -> Engine {
        for attempt in 0.. {
            let faults = if attempt < 3 { self.faults_while_opening() } else { Faults::default() };
            self.disk.set_faults(faults);
            let opened = self.open(&self.disk);
            let has_failed = self.disk.has_failed();
            let outcome = opened.as_ref().map(drop);
            self.note(format!("open with {faults:?}: {outcome:?}"));
            match opened {
                Ok(engine) if !self.disk.is_off() => {
                    self.disk.set_faults(Faults::default());
                    self.totals.restarts += 1;
                    let shown = Shown::read(&engine, self.rng.usize(..40_000));
                    let shown = shown.unwrap_or_else(|error| panic!("reading: {error}"));
                    self.model.adopt(&shown, self.clock.elapsed());
                    return engine;
                }
                Ok(_) => {}
                Err(error) => assert!(has_failed, "opening: {error}"),
            }
            self.end();
        }
        unreachable!("the last attempt has no fault")
    }

    fn faults_while_opening(&mut self) -> Faults {
        let at = Some(self.disk.calls() + self.rng.u64(1..60));
        match self.rng.u8(..16) {
            0..4 => Faults { power_off_at: at, ..Faults::default() },
            4 => Faults { sync_error_at: at, ..Faults::default() },
            5 => Faults { error_at: at, ..Faults::default() },
            6 => {
                let capacity = Some(self.disk.used() + self.rng.u64(..(64 << 10)));
                Faults { capacity, ..Faults::default() }
            }
            _ => Faults::default(),
        }
    }

    /// After the end of a process: the power comes back if it is gone.
    fn end(&mut self) {
        // What a failed sync was to keep is lost as it is in a loss of power.
        self.model.has_lost_power |= self.disk.has_lost_bytes();
        if self.disk.is_off() {
            self.power_cycle();
        }
    }

    fn power_cycle(&mut self) {
        self.note("the power goes and comes back");
        self.disk = self.disk.power_cycle();
        self.model.has_lost_power = true;
        self.totals.power_cuts += 1;
    }

    /// The last of the engine and the restart are apart: what is at rest may rot.
    fn rest(&mut self, end: &JournalEnd) {
        if self.rng.u8(..3) == 0 {
            self.rot_beside(end);
        }
    }

    /// Stops cleanly, or as in a crash of the process or a loss of power.
    pub(super) fn stop(&mut self, mut engine: Engine) {
        match self.rng.u8(..4) {
            0 => {
                self.background.end(&mut engine);
                let closed = engine.close();
                self.note(format!("close: {closed:?}"));
                if closed.is_ok() {
                    self.model.all_is_durable();
                }
            }
            1 => self.note("the process ends"),
            _ => self.power_cycle(),
        }
        self.background = super::Background::default();
        let end =
            JournalEnd { is_sealed: engine.journal.is_sealed(), place: engine.journal.place() };
        drop(engine);
        self.end();
        self.rest(&end);
    }
}

/// What would be there if the power went now, while all goes on.
pub(super) fn look_beside(simulation: &mut Simulation, _: &mut Engine) {
    let beside = simulation.disk.after_power_cut();
    beside.set_faults(Faults::default());
    let engine = simulation.open(&beside).unwrap_or_else(|error| panic!("opening: {error}"));
    let shown = Shown::read(&engine, simulation.rng.usize(..40_000));
    let shown = shown.unwrap_or_else(|error| panic!("reading: {error}"));
    simulation.model.matching_after_power_cut(&shown);
    simulation.totals.power_cuts += 1;
    simulation.totals.restarts += 1;
}
