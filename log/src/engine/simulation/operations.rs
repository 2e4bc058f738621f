//! What the workload is made of.

use super::model::Hearing;
use super::{
    Simulation, appends, background, overlap, producers, reads, restart, retention, space, topics,
    trims,
};
use crate::engine::{Command, Engine};

/// Takes the answer of a command, which is there, and tells the model. The
/// effect must bear a state that the command could not be done in: if nothing is
/// known of a group, the whole of it may not have been tried.
pub(super) type Asked = Box<dyn FnOnce(&mut Hearing)>;

/// A step of the workload.
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// How often it is drawn, against the others.
    pub(super) weight: u32,
    pub(super) run: fn(&mut Simulation, &mut Engine),
}

/// A command that goes into a group with others. None if there is nothing that
/// it could be about.
pub(super) struct Request {
    pub(super) name: &'static str,
    pub(super) weight: u32,
    pub(super) make: fn(&mut Simulation) -> Option<(Command, Asked)>,
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation { name: "commit", weight: 70, run: Simulation::commit_some },
    Operation { name: "overlap", weight: 25, run: overlap::overlap },
    Operation { name: "tick", weight: 10, run: retention::tick },
    Operation { name: "work", weight: 24, run: background::work },
    Operation { name: "idle", weight: 12, run: background::idle },
    Operation { name: "read", weight: 10, run: reads::read_somewhere },
    Operation { name: "space", weight: 2, run: space::change_space },
    Operation { name: "look beside", weight: 3, run: restart::look_beside },
];

pub(super) const REQUESTS: &[Request] = &[
    Request { name: "append", weight: 200, make: appends::append },
    Request { name: "produce", weight: 100, make: producers::produce },
    Request { name: "producer id", weight: 3, make: producers::producer_id },
    Request { name: "create", weight: 10, make: topics::create },
    Request { name: "configure", weight: 8, make: topics::configure },
    Request { name: "grow", weight: 3, make: topics::grow },
    Request { name: "delete", weight: 4, make: topics::delete },
    Request { name: "trim", weight: 16, make: trims::trim },
];
