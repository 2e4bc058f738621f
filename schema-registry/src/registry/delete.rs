//! Deletion: soft first, which hides; then for good.

use super::Registry;
use super::config::scope;
use super::entry::{Key, SchemaValue, Value};
use super::error::{RegistryError, Result};
use super::state::State;
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
        let (number, changes) = {
            let state = self.state();
            let number = state.deletable(subject, version, permanent)?;
            (number, state.deletion(subject, &[number], permanent))
        };
        self.write(turn, changes).await?;
        Ok(number)
    }

    /// Deletes a subject: all its versions softly, or for good if they are all soft
    /// deleted already. The versions.
    pub async fn delete_subject(&self, subject: &str, permanent: bool) -> Result<Vec<i32>> {
        let turn = self.begin().await;
        let (versions, changes) = {
            let state = self.state();
            let versions = state.all_deletable(subject, permanent)?;
            let changes = state.deletion(subject, &versions, permanent);
            (versions, changes)
        };
        self.write(turn, changes).await?;
        Ok(versions)
    }
}

impl State {
    /// What is written to delete versions.
    fn deletion(
        &self,
        subject: &str,
        versions: &[i32],
        permanent: bool,
    ) -> Vec<(Key, Option<Value>)> {
        let key = |version| Key::Schema { subject: subject.into(), version };
        if !permanent {
            let deleted = |version: &i32| {
                let value = SchemaValue { deleted: true, ..self.record(subject, *version)? };
                Some((key(*version), Some(Value::Schema(value))))
            };
            return versions.iter().filter_map(deleted).collect();
        }
        let mut changes = vec![self.marks()];
        changes.extend(versions.iter().map(|version| (key(*version), None)));
        let left = self.subjects.get(subject).map_or(0, |versions| versions.len());
        if left == versions.len() {
            // With its last version a subject's settings go.
            let scope = scope(Some(subject));
            if self.modes.contains_key(&scope) {
                changes.push((Key::Mode { subject: scope.clone() }, None));
            }
            if self.configs.contains_key(&scope) {
                changes.push((Key::Config { subject: scope }, None));
            }
        }
        changes
    }

    /// The number of a version that may be deleted.
    fn deletable(&self, subject: &str, version: VersionId, permanent: bool) -> Result<i32> {
        let shown = self.find(subject, version, Selected::All).ok_or_else(|| {
            if self.has(subject, Selected::All) {
                RegistryError::VersionNotFound(version.number())
            } else {
                RegistryError::SubjectNotFound(subject.to_owned())
            }
        })?;
        let number = shown.at.version;
        if !permanent && shown.deleted {
            return refused(
                40406,
                format!(
                    "Subject '{subject}' Version {number} was soft deleted.Set permanent=true to \
                     delete permanently"
                ),
            );
        }
        self.check_writable(&scope(Some(subject)))?;
        self.check_unused(subject, number, permanent)?;
        if permanent && !shown.deleted {
            return refused(
                40407,
                format!(
                    "Subject '{subject}' Version {number} was not deleted first before being \
                     permanently deleted"
                ),
            );
        }
        Ok(number)
    }

    /// The versions of a subject, if it may be deleted.
    fn all_deletable(&self, subject: &str, permanent: bool) -> Result<Vec<i32>> {
        let Some(known) = self.subjects.get(subject) else {
            return Err(RegistryError::SubjectNotFound(subject.to_owned()));
        };
        let live = known.values().any(|known| !known.deleted);
        if !permanent && !live {
            return refused(
                40404,
                format!(
                    "Subject '{subject}' was soft deleted.Set permanent=true to delete permanently"
                ),
            );
        }
        self.check_writable(&scope(Some(subject)))?;
        let selected = if permanent { Selected::All } else { Selected::Live };
        let versions = known.iter().filter(|(_, known)| selected.takes(known.deleted));
        let versions: Vec<i32> = versions.map(|(version, _)| *version).collect();
        for version in &versions {
            self.check_unused(subject, *version, permanent)?;
        }
        if permanent && live {
            return refused(
                40405,
                format!(
                    "Subject '{subject}' was not deleted first before being permanently deleted"
                ),
            );
        }
        Ok(versions)
    }
}

fn refused<T>(code: u32, message: String) -> Result<T> {
    Err(RegistryError::Refused { code, message })
}
