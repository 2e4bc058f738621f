//! The runtime of connectors.

pub mod converters;
