//! Programs that others wrote, against ours: Kafka's own tool over our segment
//! files, and the clients of Java, Python and kcat, which are also asked what a
//! real Kafka answers; clients of the schema registry, and Connect's converter of
//! Java. `make interop` runs these.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

mod answers;
mod clients;
mod converter;
mod dump;
mod pipeline;
mod registry;
mod run;
mod segments;
#[path = "../e2e/setup.rs"]
mod setup;
