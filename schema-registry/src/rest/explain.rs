//! `?explain=true`: each incompatibility with what to do about it.

use std::sync::Arc;

use serde_json::{Value as Json, json as object};

use super::response::{Answer, Failure, json};
use crate::compat::{Direction, Explanation, Fix, Level, Violation};
use crate::{NewSchema, Registry, VersionId};

pub(super) async fn answer(
    registry: &Arc<Registry>,
    subject: &str,
    version: Option<VersionId>,
    schema: NewSchema,
    normalize: bool,
    verbose: bool,
) -> Answer {
    let (registry, subject) = (Arc::clone(registry), subject.to_owned());
    // It tries many schemas: other requests go on meanwhile.
    let explained = tokio::task::spawn_blocking(move || {
        registry.explain(&subject, version, &schema, normalize)
    });
    let stopped = |_| Failure::Request(500, 50001, "the registry is stopping".to_owned());
    let explained = explained.await.map_err(stopped)??;
    let mut answer = object!({ "is_compatible": explained.is_none() });
    if verbose {
        let messages = explained.as_ref().map(|(clash, _)| clash.messages());
        answer["messages"] = object!(messages.unwrap_or_default());
    }
    if let Some((clash, explanation)) = explained {
        answer["explanation"] = explanation_json(clash.level, &explanation);
    }
    Ok(json(&answer))
}

fn explanation_json(level: Level, explanation: &Explanation) -> Json {
    let violations = explanation.violations.iter();
    let incompatibilities: Vec<Json> =
        violations.map(|(violation, fixes)| violation_json(violation, fixes)).collect();
    let mut answer = object!({
        "level": level.name(),
        "incompatibilities": incompatibilities,
    });
    if let Some(fixed) = &explanation.fixed {
        answer["fixed"] = object!({ "steps": fixed.steps, "schema": fixed.schema });
    }
    answer
}

fn violation_json(violation: &Violation, fixes: &[Fix]) -> Json {
    let found = &violation.found;
    let (reader, writer) = match violation.direction {
        Direction::Backward => ("new", "old"),
        Direction::Forward => ("old", "new"),
    };
    object!({
        "version": violation.version,
        "type": found.problem.name(),
        "path": found.path,
        "field": found.field,
        "message": found.message,
        "reader": { "schema": reader, "fragment": found.reader },
        "writer": { "schema": writer, "fragment": found.writer },
        "advice": violation.advice(),
        "fixes": fixes.iter().map(fix_json).collect::<Vec<Json>>(),
    })
}

fn fix_json(fix: &Fix) -> Json {
    let (description, also) =
        fix.steps.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    object!({ "description": description, "also": also, "schema": fix.schema })
}
