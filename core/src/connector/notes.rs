//! What a running task wants a person to know.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Notes of a running task, by subject: a table that is copied again from its
/// start, a slot that lags. The runtime shows them in the status. Never holds
/// secrets or row values (invariant 8).
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<BTreeMap<String, String>>>);

impl Notes {
    /// Sets the note on a subject.
    pub fn set(&self, subject: impl Into<String>, note: impl Into<String>) {
        self.lock().insert(subject.into(), note.into());
    }

    /// Forgets the note on a subject.
    pub fn clear(&self, subject: &str) {
        self.lock().remove(subject);
    }

    /// All notes, by subject.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
