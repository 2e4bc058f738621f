//! What every relational source shares: names of topics and schemas, lists of
//! tables and columns, the envelope of events.

mod envelope;
mod names;
mod selection;
mod topics;

pub use envelope::{EnvelopeSchemas, event_block};
pub use names::NameAdjustment;
pub use selection::{KeyColumns, Patterns, Selection};
pub use topics::TopicNaming;

#[cfg(test)]
mod tests;
