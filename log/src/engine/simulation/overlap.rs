//! Groups of appends that overlap: some are staged while the frame of others is on its
//! way, and the power may go at any of its calls.

use super::operations::Asked;
use super::{Simulation, appends, background, producers, reads, restart};
use crate::engine::Engine;

/// A few groups that follow each other without a rest between them.
pub(super) fn overlap(simulation: &mut Simulation, engine: &mut Engine) {
    let mut staged = Vec::new();
    begin(simulation, engine, &mut staged);
    let mut left = simulation.rng.usize(1..5);
    let mut sequence = engine.journal.next_sequence();
    let mut job = engine.take_frame();
    while !staged.is_empty() {
        let under_way = std::mem::take(&mut staged);
        let is_written = engine.journal.next_sequence() > sequence;
        // The frame is not on the disk yet.
        meanwhile(simulation, engine);
        restart::look_beside(simulation, engine);
        while left > 0 && simulation.rng.bool() {
            left -= 1;
            begin(simulation, engine, &mut staged);
            meanwhile(simulation, engine);
        }
        if let Some(job) = job.take() {
            engine.landed(job.run_to_the_end());
            meanwhile(simulation, engine);
        }
        sequence = engine.journal.next_sequence();
        job = engine.take_frame();
        engine.show_landed();
        if engine.stopped().is_some() {
            simulation.hear(is_written, under_way, staged);
            return;
        }
        simulation.hear(is_written, under_way, Vec::new());
        simulation.totals.overlapped += u64::from(job.is_some());
    }
    assert!(!engine.is_under_way());
}

/// Stages some appends, if they may be now.
fn begin(simulation: &mut Simulation, engine: &mut Engine, staged: &mut Vec<Asked>) {
    if !engine.overlaps(&[]) {
        return;
    }
    let mut commands = Vec::new();
    for _ in 0..simulation.rng.usize(1..4) {
        let make = if simulation.rng.bool() { appends::append } else { producers::produce };
        if let Some((command, answer)) = make(simulation) {
            commands.push(command);
            staged.push(answer);
        }
    }
    simulation.note(format!("begin {}", commands.len()));
    engine.begin(commands);
}

/// What goes on beside it.
fn meanwhile(simulation: &mut Simulation, engine: &mut Engine) {
    match simulation.rng.u8(..4) {
        0 => reads::read_somewhere(simulation, engine),
        1 => background::write(simulation, engine),
        _ => {}
    }
    if !simulation.disk.is_off() && engine.stopped().is_none() {
        simulation.see(engine);
    }
}
