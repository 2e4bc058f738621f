//! Levels of compatibility, and modes.

use std::sync::Arc;

use super::Registry;
use super::entry::{ConfigValue, Key, Value};
use super::error::{RegistryError, Result};
use super::register::check_subject;
use super::state::State;
use crate::compat::Level;

/// The mode in which schemas can be registered.
const READ_WRITE: &str = "READWRITE";

impl Registry {
    /// The level of a subject (its own, not the one for all), or the level for all.
    pub fn config(&self, subject: Option<&str>) -> Result<Level> {
        let state = self.state();
        match subject {
            None => state.level(""),
            Some(subject) => match state.own_level(Some(subject))? {
                Some(level) => Ok(level),
                None => Err(RegistryError::NotConfigured(subject.to_owned())),
            },
        }
    }

    /// The level that counts for a subject: its own, or else the one for all.
    pub fn level(&self, subject: &str) -> Result<Level> {
        self.state().level(subject)
    }

    /// Sets the level of a subject, or the one for all.
    pub async fn set_config(&self, subject: Option<&str>, level: Level) -> Result<()> {
        subject.map_or(Ok(()), check_subject)?;
        let turn = self.begin().await;
        let subject: Option<Arc<str>> = subject.map(Into::into);
        // Settings that another registry wrote stay.
        let former = self.state().configs.get(&subject).cloned().unwrap_or_default();
        let value = ConfigValue {
            subject: subject.clone(),
            compatibility_level: Some(level.name().to_owned()),
            ..former
        };
        let change = (Key::Config { subject }, Some(Value::Config(value)));
        self.write(turn, vec![change]).await
    }

    /// Takes the level of a subject away, or sets the one for all back to the default;
    /// the level that it was.
    pub async fn delete_config(&self, subject: Option<&str>) -> Result<Level> {
        let turn = self.begin().await;
        let former = match (self.config(subject), subject) {
            (Ok(level), _) => level,
            (Err(RegistryError::NotConfigured(_)), Some(subject)) => {
                return Err(RegistryError::SubjectNotFound(subject.to_owned()));
            }
            (Err(error), _) => return Err(error),
        };
        let key = Key::Config { subject: subject.map(Into::into) };
        self.write(turn, vec![(key, None)]).await?;
        Ok(former)
    }

    /// The mode of a subject, or the one for all. It is `READWRITE` unless another
    /// registry wrote another one into the topic.
    #[must_use]
    pub fn mode(&self, subject: Option<&str>) -> Option<String> {
        let state = self.state();
        match subject {
            None => Some(state.modes.get(&None).map_or(READ_WRITE, String::as_str).to_owned()),
            Some(subject) => state.modes.get(&Some(subject.into())).cloned(),
        }
    }
}

impl State {
    fn own_level(&self, subject: Option<&str>) -> Result<Option<Level>> {
        let config = self.configs.get(&subject.map(Into::into));
        let name = config.and_then(|config| config.compatibility_level.as_deref());
        Ok(name.map(str::parse).transpose()?)
    }

    /// The level that counts for a subject.
    pub(super) fn level(&self, subject: &str) -> Result<Level> {
        match self.own_level(Some(subject))? {
            Some(level) => Ok(level),
            None => Ok(self.own_level(None)?.unwrap_or_default()),
        }
    }

    /// Fails where the subject may not be written.
    pub(super) fn check_mode(&self, subject: &str) -> Result<()> {
        let own = self.modes.get(&Some(subject.into()));
        match own.or_else(|| self.modes.get(&None)).map(String::as_str) {
            None | Some(READ_WRITE) => Ok(()),
            Some(mode) => Err(RegistryError::Refused {
                code: 42205,
                message: format!("Subject {subject} is in {mode} mode: it takes no new schemas"),
            }),
        }
    }
}
