//! Registration against a subject's level, for those who were told to.

use serde_json::json;

use super::{NewSchema, Registration, Registry, Result};

impl Registry {
    /// Registers an Avro schema as the next version of a subject, also if that clashes
    /// with the versions before it; its id. The version keeps the level that it was
    /// registered against, and why.
    pub async fn register_anyway(&self, subject: &str, text: &str, reason: &str) -> Result<i32> {
        let level = self.level(subject)?.name();
        let why = json!({ "compatibility": level, "reason": reason });
        let (new, how) = (NewSchema::avro(text), Registration::default());
        Ok(self.register_or_refuse(subject, &new, how, Some(why)).await?.id)
    }
}
