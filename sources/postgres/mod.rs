//! Rows of Postgres, by snapshot and logical replication.

pub mod catalog;
pub mod table;
pub mod types;
