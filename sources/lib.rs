//! Sources: one folder per source, and what relational ones share.

pub mod postgres;
pub mod relational;

use std::sync::Arc;

use thalweg_core::connector::{DynSource, source};

/// All sources. A new one is one line here.
#[must_use]
pub fn connectors() -> Vec<Arc<dyn DynSource>> {
    vec![source(postgres::Postgres)]
}
