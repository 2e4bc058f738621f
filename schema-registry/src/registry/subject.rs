//! Which names can be subjects.

use super::context::{self, GLOBAL};
use super::error::{RegistryError, Result};

/// Longest name of a subject in bytes.
const SUBJECT_BYTES_MAX: usize = 4096;

/// Fails where schemas can't be registered under a name.
pub(super) fn check_subject(subject: &str) -> Result<()> {
    check_scope(subject)?;
    let (context, name) = context::split(subject);
    let reason = if name.is_empty() {
        "it is empty"
    } else if context == GLOBAL {
        "the context has settings only"
    } else {
        return Ok(());
    };
    invalid(subject, reason)
}

/// Fails where a name can have no settings: of a subject or of a context.
pub(super) fn check_scope(subject: &str) -> Result<()> {
    let (_, name) = context::split(subject);
    let reason = if subject.is_empty() {
        "it is empty"
    } else if subject.len() > SUBJECT_BYTES_MAX {
        "it is longer than 4096 bytes"
    } else if subject.chars().any(char::is_control) {
        "it holds control characters"
    } else if name == "__GLOBAL" || name == "__EMPTY" {
        "the name is reserved"
    } else if subject.starts_with(context::ALL) {
        "it stands for all contexts"
    } else {
        return Ok(());
    };
    invalid(subject, reason)
}

fn invalid(subject: &str, reason: &'static str) -> Result<()> {
    let shown: String = subject.chars().filter(|c| !c.is_control()).take(100).collect();
    Err(RegistryError::InvalidSubject { subject: shown, reason })
}
