//! The disk fills up, and there is space again: then the log goes on.

use super::Simulation;
use super::appends;
use super::retention::tick_in;
use crate::disk::sim::Faults;
use crate::engine::Engine;

pub(super) fn change_space(simulation: &mut Simulation, engine: &mut Engine) {
    let faults = simulation.disk.faults();
    if faults.capacity.is_none() {
        let left = simulation.rng.u64(..(256 << 10));
        simulation.disk.set_capacity(Some(simulation.disk.used() + left));
        return;
    }
    simulation.disk.set_faults(Faults { capacity: None, ..faults });
    // A checkpoint that could not be stored is tried again.
    for _ in 0..2 {
        tick_in(simulation, engine, 1500);
        simulation.background.take(engine);
        simulation.background.end(engine);
    }
    let refused = simulation.totals.refused;
    let Some((command, asked)) = appends::append(simulation) else {
        return;
    };
    simulation.commit(engine, vec![command], vec![asked]);
    let is_accepted = simulation.totals.refused == refused;
    assert!(is_accepted || simulation.disk.has_failed(), "refused though there is space");
}
