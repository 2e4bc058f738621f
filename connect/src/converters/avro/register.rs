//! Registration of the schemas of rows, also of those that their subject does not
//! take.

use super::super::{Foretold, IncompatibleAction, NoPlan, Unregistered};
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
            // The registry says so in its log.
            Err(StoreError::Incompatible { reason, .. }) => {
                self.store.register_anyway(subject, text, &reason).await
            }
            answer => answer,
        }
    }

    /// `schema.incompatible.action=new-subject`: in the newest of the subjects
    /// `<subject>`, `<subject>-v2`, ... or in one after it. A schema that one of
    /// them has stays there: rows that are read again must not begin another one.
    async fn elsewhere(&self, subject: &str, text: &str) -> Result<u32, StoreError> {
        let newest = self.newest(subject);
        for number in 1..=newest {
            match self.store.look_up(&numbered(subject, number), text).await {
                Err(StoreError::NotFound(_)) => {}
                answer => return answer,
            }
        }
        match self.store.register(&numbered(subject, newest), text).await {
            Err(StoreError::Incompatible { reason, .. }) if newest < SUBJECTS_MAX => {
                let next = numbered(subject, newest + 1);
                let id = self.store.register(&next, text).await?;
                tracing::warn!(
                    subject,
                    id,
                    "schema.incompatible.action=new-subject: subject {next} begins with a schema \
                     that {} does not take: {reason}",
                    numbered(subject, newest)
                );
                Ok(id)
            }
            answer => answer,
        }
    }

    /// The number of the newest subject that a subject's schemas are in.
    fn newest(&self, subject: &str) -> u32 {
        let mut newest = 1;
        while newest < SUBJECTS_MAX && self.store.has_subject(&numbered(subject, newest + 1)) {
            newest += 1;
        }
        newest
    }

    /// What [`Self::register`] would come to.
    pub(super) fn foretold(&self, schema: &Unregistered) -> Result<Foretold, StoreError> {
        let Unregistered { subject, schema: text } = schema;
        if self.settings.incompatible != IncompatibleAction::NewSubject {
            return self.store.foretell(subject, text);
        }
        let newest = self.newest(subject);
        for number in 1..=newest {
            let told = self.store.foretell(&numbered(subject, number), text)?;
            if told.known.is_some() || number == newest {
                return Ok(told);
            }
        }
        self.store.foretell(subject, text)
    }
}

/// The subjects that one's schemas are spread over: itself, then `<subject>-v2`, ...
fn numbered(subject: &str, number: u32) -> String {
    match number {
        1 => subject.to_owned(),
        number => format!("{subject}-v{number}"),
    }
}
