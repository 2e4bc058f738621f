#![allow(clippy::unwrap_used, reason = "tests")]

mod bucket;
mod kills;
mod offsets;
mod refusals;
mod rotations;
mod world;
