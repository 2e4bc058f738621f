#![allow(clippy::unwrap_used, reason = "tests")]

mod bucket;
mod kills;
mod rotations;
mod world;
