//! Registration against a subject's level, for those who were told to.

use std::sync::Arc;

use serde_json::json;

use super::entry::{Key, Value};
use super::register::{NewSchema, check_subject};
use super::{Registry, Result};

/// Under which name a version says that it was registered so. Other registries pass
/// over it.
const FIELD: &str = "override";

impl Registry {
    /// Registers an Avro schema as the next version of a subject, also if that clashes
    /// with the versions before it; its id. The version keeps the level that it was
    /// registered against, and why.
    pub async fn register_anyway(&self, subject: &str, text: &str, reason: &str) -> Result<i32> {
        check_subject(subject)?;
        let new = NewSchema::avro(text);
        let turn = self.begin().await;
        if let Some(known) = self.known(subject, &new)? {
            return Ok(known.id);
        }
        let mut value = self.next_version(subject, &new, true)?;
        let level = self.level(subject)?.name();
        value.rest.insert(FIELD.to_owned(), json!({ "compatibility": level, "reason": reason }));
        let (id, version) = (value.id, value.version);
        let key = Key::Schema { subject: value.subject.clone(), version };
        self.write(turn, vec![(key, Some(Value::Schema(Arc::new(value))))]).await?;
        tracing::warn!(
            subject,
            version,
            id,
            level,
            "schema registered against its level: {reason}"
        );
        Ok(id)
    }
}
