//! What all tables of a connector share.

use crate::postgres::types::Modes;
use crate::relational::{Selection, TopicNaming};

/// What all tables of a connector share.
#[derive(Clone, Debug)]
pub struct TableSettings {
    /// How topics are named. The prefix is the logical name of the server.
    pub topics: TopicNaming,
    /// `database.dbname`
    pub database: String,
    /// How values are written.
    pub modes: Modes,
    /// Which columns are read, and which make keys.
    pub selection: Selection,
}
