#![allow(clippy::unwrap_used, reason = "tests")]

mod kills;
mod rotations;
mod world;
