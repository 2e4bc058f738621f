//! The schema registry: an Avro model that keeps what a schema's author wrote, a
//! compatibility checker that says everything that is wrong and where, and the
//! subjects, versions and ids that Confluent's clients know, kept in the log.

pub mod avro;
pub mod compat;
mod registry;
pub mod rest;

pub use registry::{
    Clash, Config, ConfigChange, Metadata, Mode, NewSchema, Reference, Registered, Registration,
    Registry, RegistryError, Result, Rule, RuleSet, Selected, Shown, Stored, SubjectVersion, TOPIC,
    Verdicts, VersionId,
};
