//! The registry of this process as a store of schemas: no HTTP between.

use thalweg_core::BoxFuture;
use thalweg_schema_registry::compat::{Violation, innermost};
use thalweg_schema_registry::{Registry, RegistryError, Selected, VersionId};
use tokio::sync::watch;

use super::super::Foretold;
use super::{SchemaStore, StoreError};

impl SchemaStore for Registry {
    fn register<'a>(
        &'a self,
        subject: &'a str,
        schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move { unsigned(Registry::register(self, subject, schema).await?) })
    }

    fn register_anyway<'a>(
        &'a self,
        subject: &'a str,
        schema: &'a str,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move {
            unsigned(Registry::register_anyway(self, subject, schema, reason).await?)
        })
    }

    fn has_subject(&self, subject: &str) -> bool {
        self.versions(subject, Selected::Live).is_ok()
    }

    fn foretell(&self, subject: &str, schema: &str) -> Result<Foretold, StoreError> {
        let verdicts = self.verdicts(subject, schema)?;
        let levels = verdicts.violations.iter();
        Ok(Foretold {
            subject: subject.to_owned(),
            registers: true,
            level: verdicts.level.name(),
            known: verdicts.known,
            levels: levels.map(|(level, found)| (level.name(), found.is_empty())).collect(),
            reasons: innermost(verdicts.at(verdicts.level).to_vec()).iter().map(reason).collect(),
        })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Registry::changes(self)
    }

    fn version<'a>(
        &'a self,
        subject: &'a str,
        id: u32,
    ) -> BoxFuture<'a, Result<Option<i32>, StoreError>> {
        Box::pin(async move {
            let Ok(id) = i32::try_from(id) else { return Ok(None) };
            match self.uses(id, subject, Selected::All) {
                Ok(uses) => {
                    let here = uses.iter().filter(|at| *at.subject == *subject);
                    Ok(here.map(|at| at.version).max())
                }
                Err(RegistryError::SchemaNotFound) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn newest<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<u32>, StoreError>> {
        Box::pin(async move {
            match Registry::version(self, subject, VersionId::Latest, Selected::Live) {
                Ok(found) => unsigned(found.schema.id).map(Some),
                Err(RegistryError::SubjectNotFound(_) | RegistryError::VersionNotFound(_)) => {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            }
        })
    }

    fn look_up<'a>(
        &'a self,
        subject: &'a str,
        schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move { unsigned(self.lookup(subject, schema)?.schema.id) })
    }

    fn schema(&self, id: u32) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            // What is no id of ours can come from a record that another registry wrote.
            let Ok(id) = i32::try_from(id) else {
                return Ok(None);
            };
            match self.schema_by_id(id) {
                Ok(schema) => Ok(Some(schema.standalone_text())),
                Err(RegistryError::IdNotFound(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// A violation in words.
fn reason(violation: &Violation) -> String {
    format!("version {}: {}", violation.version, violation.told())
}

fn unsigned(id: i32) -> Result<u32, StoreError> {
    u32::try_from(id).map_err(|_| StoreError::Refused(format!("schema id {id} is negative")))
}

impl From<RegistryError> for StoreError {
    fn from(error: RegistryError) -> Self {
        let words = error.to_string();
        match error {
            RegistryError::Incompatible(clash) => {
                Self::Incompatible { version: clash.version(), reason: clash.reasons() }
            }
            RegistryError::SubjectNotFound(_)
            | RegistryError::VersionNotFound(_)
            | RegistryError::IdNotFound(_)
            | RegistryError::SchemaNotFound => Self::NotFound(words),
            RegistryError::Store(_) => Self::Unreachable(words),
            _ => Self::Refused(words),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use thalweg_log::MemoryLog;

    use super::*;

    #[tokio::test]
    async fn schemas_go_in_and_come_out() {
        let registry = Registry::open(Arc::new(MemoryLog::new())).await.unwrap();
        let store: &dyn SchemaStore = &registry;
        let missing = store.look_up("s", "\"int\"").await.unwrap_err();
        assert!(matches!(missing, StoreError::NotFound(_)));
        let id = store.register("s", r#"{"type":"int"}"#).await.unwrap();
        assert_eq!(store.look_up("s", "\"int\"").await.unwrap(), id);
        assert_eq!(store.schema(id).await.unwrap().unwrap(), "\"int\"");
        assert_eq!(store.schema(7).await.unwrap(), None);
        assert_eq!(store.schema(u32::MAX).await.unwrap(), None);
        assert_eq!(store.version("s", id).await.unwrap(), Some(1));
        assert_eq!(store.version("t", id).await.unwrap(), None);
        assert_eq!(store.version("s", 7).await.unwrap(), None);
        assert_eq!(store.newest("s").await.unwrap(), Some(id));
        assert_eq!(store.newest("t").await.unwrap(), None);
        let clash = store.register("s", "\"string\"").await.unwrap_err();
        let StoreError::Incompatible { version, reason } = clash else { panic!("{clash}") };
        assert_eq!(version, Some(1));
        assert!(reason.starts_with("TYPE_MISMATCH at / ("), "{reason}");
        let refused = store.register("s", "nonsense").await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)));
    }
}
