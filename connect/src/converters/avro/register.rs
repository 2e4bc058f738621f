//! Registration of the schemas of rows, also of those that their subject does not
//! take.

use super::super::{IncompatibleAction, NoPlan, Unregistered};
use super::AvroConverter;
use super::store::{self, StoreError};

/// Most subjects that the schemas of one are spread over.
const SUBJECTS_MAX: u32 = 1000;

impl AvroConverter {
    /// The id of a schema, which is registered where that is asked for.
    pub(super) async fn register(&self, topic: &str, schema: &Unregistered) -> Result<u32, NoPlan> {
        let Unregistered { subject, schema: text } = schema;
        let answer = match (self.settings.register, self.settings.incompatible) {
            (false, _) => self.store.look_up(subject, text).await,
            (true, IncompatibleAction::Pause) => self.store.register(subject, text).await,
            (true, IncompatibleAction::Evolve) => self.evolve(subject, text).await,
            (true, IncompatibleAction::NewSubject) => self.elsewhere(subject, text).await,
        };
        answer.map_err(|error| store::refusal(subject, topic, error))
    }

    /// `schema.incompatible.action=evolve`
    async fn evolve(&self, subject: &str, text: &str) -> Result<u32, StoreError> {
        match self.store.register(subject, text).await {
            Err(StoreError::Incompatible { version, reason }) => {
                let id = self.store.register_anyway(subject, text, &reason).await?;
                tracing::warn!(
                    subject,
                    id,
                    "schema.incompatible.action=evolve: a schema that is not compatible with \
                     version {} was registered all the same: {reason}",
                    version.unwrap_or_default()
                );
                Ok(id)
            }
            answer => answer,
        }
    }

    /// `schema.incompatible.action=new-subject`: in the newest of the subjects
    /// `<subject>`, `<subject>-v2`, ... or in one after it. A schema that one of
    /// them has stays there: rows that are read again must not begin another one.
    async fn elsewhere(&self, subject: &str, text: &str) -> Result<u32, StoreError> {
        let name = |number: u32| match number {
            1 => subject.to_owned(),
            number => format!("{subject}-v{number}"),
        };
        let mut newest = 1;
        while newest < SUBJECTS_MAX && self.store.has_subject(&name(newest + 1)) {
            newest += 1;
        }
        for number in 1..=newest {
            match self.store.look_up(&name(number), text).await {
                Err(StoreError::NotFound(_)) => {}
                answer => return answer,
            }
        }
        match self.store.register(&name(newest), text).await {
            Err(StoreError::Incompatible { reason, .. }) if newest < SUBJECTS_MAX => {
                let next = name(newest + 1);
                let id = self.store.register(&next, text).await?;
                tracing::warn!(
                    subject,
                    id,
                    "schema.incompatible.action=new-subject: subject {next} begins with a schema \
                     that {} does not take: {reason}",
                    name(newest)
                );
                Ok(id)
            }
            answer => answer,
        }
    }
}
