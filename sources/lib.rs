//! Sources: one folder per source, and what relational ones share.

pub mod postgres;
pub mod relational;
