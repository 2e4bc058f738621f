//! Groups of appends that overlap: some are staged while the frame of others is on its
//! way, and the power may go at any of its calls.

use std::collections::VecDeque;

use super::operations::Asked;
use super::{Simulation, appends, background, producers, reads, restart};
use crate::engine::Engine;
use crate::journal::FrameJob;

/// A frame on its way, and who waits for its answers.
struct Flight {
    job: FrameJob,
    asked: Vec<Asked>,
}

/// A few groups that follow each other without a rest between them.
pub(super) fn overlap(simulation: &mut Simulation, engine: &mut Engine) {
    let mut staged = Vec::new();
    let mut flights = VecDeque::new();
    let mut left = simulation.rng.usize(1..8);
    while left > 0 || !staged.is_empty() || !flights.is_empty() {
        match simulation.rng.u8(..3) {
            0 if left > 0 => {
                left -= 1;
                begin(simulation, engine, &mut staged);
            }
            1 => launch(simulation, engine, &mut staged, &mut flights),
            _ => {
                let Some(flight) = flights.pop_front() else { continue };
                let is_off = simulation.disk.is_off();
                if !is_off && engine.stopped().is_none() {
                    // Its frame, and what is behind it, is not on the disk yet.
                    restart::look_beside(simulation, engine);
                }
                if !land(simulation, engine, flight, &mut staged, &mut flights) {
                    return;
                }
            }
        }
        meanwhile(simulation, engine);
    }
    assert!(!engine.is_under_way());
}

/// Takes the next frame, if there may be another one.
fn launch(
    simulation: &mut Simulation,
    engine: &mut Engine,
    staged: &mut Vec<Asked>,
    flights: &mut VecDeque<Flight>,
) {
    if let Some(job) = engine.take_frame() {
        simulation.note("launch");
        simulation.totals.overlapped += u64::from(!flights.is_empty());
        flights.push_back(Flight { job, asked: std::mem::take(staged) });
    } else if flights.is_empty() {
        // Nothing of it is new, or all of it is refused.
        engine.show_landed();
        simulation.hear(false, std::mem::take(staged), Vec::new());
    }
}

/// Writes a frame, and hears its answers. False if it failed, with all after it.
fn land(
    simulation: &mut Simulation,
    engine: &mut Engine,
    flight: Flight,
    staged: &mut Vec<Asked>,
    flights: &mut VecDeque<Flight>,
) -> bool {
    simulation.note("land");
    let outcome = flight.job.run_to_the_end();
    let is_written = outcome.written.is_ok();
    engine.landed(outcome);
    if is_written {
        meanwhile(simulation, engine);
        let next = if simulation.rng.bool() { engine.take_frame() } else { None };
        engine.show_landed();
        simulation.hear(true, flight.asked, Vec::new());
        if let Some(job) = next {
            simulation.totals.overlapped += 1;
            flights.push_back(Flight { job, asked: std::mem::take(staged) });
        } else if !engine.is_under_way() {
            simulation.hear(false, std::mem::take(staged), Vec::new());
        }
        return true;
    }
    let mut refused = Vec::new();
    for Flight { job, asked } in flights.drain(..) {
        let outcome = job.run_to_the_end();
        assert!(outcome.written.is_err(), "a frame is written after one that failed");
        engine.landed(outcome);
        refused.extend(asked);
    }
    assert!(engine.take_frame().is_none(), "a frame is taken after one that failed");
    engine.show_landed();
    refused.append(staged);
    simulation.hear(true, flight.asked, refused);
    false
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
