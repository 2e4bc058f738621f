//! The Kafka protocol in front of the embedded log.
//!
//! [`Broker::start`] is the way in. A connection reads requests and answers them
//! in their order; `apis/` has one file for each API. [`client`] is the other side,
//! for the command line.

mod apis;
#[cfg(test)]
mod bad_input_tests;
mod call;
pub mod client;
mod connection;
mod error_code;
mod listener;
mod rare_warning;
mod server;
#[cfg(test)]
mod testing;
mod wire;

pub use listener::Broker;
pub use server::BrokerOptions;
