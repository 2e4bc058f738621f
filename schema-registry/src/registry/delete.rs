//! Deletion: soft first, which hides; then for good.

use std::sync::Arc;

use serde_json::json;

use super::Registry;
use super::entry::{Key, SchemaValue, Value};
use super::error::{RegistryError, Result};
use super::state::Version;
use super::version::{Selected, VersionId};

impl Registry {
    /// Deletes a version: softly, or for good if it is soft deleted already. The version.
    pub async fn delete_version(
        &self,
        subject: &str,
        version: VersionId,
        permanent: bool,
    ) -> Result<i32> {
        let turn = self.begin().await;
        let shown = self.version(subject, version, Selected::All)?;
        let number = shown.at.version;
        let refused = |code, message| Err(RegistryError::Refused { code, message });
        if !permanent && shown.deleted {
            return refused(
                40406,
                format!(
                    "Subject '{subject}' Version {number} was soft deleted.Set permanent=true to \
                     delete permanently"
                ),
            );
        }
        if permanent && !shown.deleted {
            return refused(
                40407,
                format!(
                    "Subject '{subject}' Version {number} was not deleted first before being \
                     permanently deleted"
                ),
            );
        }
        self.check_unused(subject, &[number])?;
        let changes = self.deletion(subject, &[number], permanent);
        self.write(turn, changes).await?;
        Ok(number)
    }

    /// Deletes a subject: all its versions softly, or for good if they are all soft
    /// deleted already. The versions.
    pub async fn delete_subject(&self, subject: &str, permanent: bool) -> Result<Vec<i32>> {
        let turn = self.begin().await;
        let all = self.versions(subject, Selected::All)?;
        let live = self.versions(subject, Selected::Live).unwrap_or_default();
        let refused = |code, message| Err(RegistryError::Refused { code, message });
        if !permanent && live.is_empty() {
            return refused(
                40404,
                format!(
                    "Subject '{subject}' was soft deleted.Set permanent=true to delete permanently"
                ),
            );
        }
        if permanent && !live.is_empty() {
            return refused(
                40405,
                format!(
                    "Subject '{subject}' was not deleted first before being permanently deleted"
                ),
            );
        }
        let versions = if permanent { all } else { live };
        self.check_unused(subject, &versions)?;
        let changes = self.deletion(subject, &versions, permanent);
        self.write(turn, changes).await?;
        Ok(versions)
    }

    fn check_unused(&self, subject: &str, versions: &[i32]) -> Result<()> {
        for version in versions {
            let users = self.referenced_by(subject, *version);
            if !users.is_empty() {
                return Err(RegistryError::Refused {
                    code: 42206,
                    message: format!(
                        "One or more references exist to the schema {{subject={subject},\
                         version={version}}}: schemas {users:?} use it"
                    ),
                });
            }
        }
        Ok(())
    }

    fn deletion(
        &self,
        subject: &str,
        versions: &[i32],
        permanent: bool,
    ) -> Vec<(Key, Option<Value>)> {
        let state = self.state();
        let mut changes = Vec::new();
        if permanent {
            // No id is given out twice, even when nothing else tells of it any more.
            let note = Value::Other(json!({ "maxId": state.id_max }));
            changes.push((Key::Noop, Some(note)));
        }
        let known = state.subjects.get(subject);
        for version in versions {
            let Some(Version { value, .. }) = known.and_then(|known| known.get(version)) else {
                continue;
            };
            let key = Key::Schema { subject: subject.into(), version: *version };
            let deleted = SchemaValue { deleted: true, ..SchemaValue::clone(value) };
            changes.push((key, (!permanent).then(|| Value::Schema(Arc::new(deleted)))));
        }
        changes
    }
}
