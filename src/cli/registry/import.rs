//! `thalweg registry import`.

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value as Json, json};

use super::super::path::encoded;
use super::dump::{Dump, Version};
use super::rest::{Refusal, Rest};
use crate::cli::finish::note;
use crate::cli::output::Output;
use crate::cli::read::registry::Address;
use crate::cli::write::lines::Lines;

/// The code of an operation that a mode or setting does not permit.
const NOT_PERMITTED: u64 = 42205;

/// Arguments of `thalweg registry import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    registry: Address,
    /// Import although the registry has schemas. Versions of the dump replace those
    /// that have their subject and number; an id that another schema has is refused.
    #[arg(long)]
    force: bool,
    /// Leave out schemas of types that the registry does not have.
    #[arg(long)]
    skip_other_types: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut dump = Dump::default();
    let mut lines = Lines::new();
    while let Some(line) = lines.next()? {
        let taken = dump.take(line);
        taken.with_context(|| format!("line {} is not a record of a registry", lines.count))?;
    }
    for kind in &dump.unknown {
        note(&format!("records of the kind {kind} are not known here, and left out"));
    }
    let rest = Rest::new(&arguments.registry.base);
    leave_out_other_types(&rest, &mut dump, arguments.skip_other_types)?;
    let scopes: Vec<Option<&str>> = dump
        .contexts()
        .into_iter()
        .map(|context| Some(context).filter(|c| !c.is_empty()))
        .collect();
    let former = begin(&rest, &scopes, arguments.force)?;
    let outcome = versions(&rest, &dump);
    // The modes go back in any case.
    let ended =
        former.iter().try_for_each(|(scope, mode)| set_mode(&rest, *scope, mode.as_deref()));
    let deleted = outcome?;
    ended?;
    settings(&rest, &dump)?;
    for (scope, mode) in &dump.modes {
        set_mode(&rest, scope.as_deref(), Some(mode))?;
    }
    let mut output = Output::new();
    output.object(&json!({
        "schemas": dump.versions.len(),
        "deleted": deleted,
        "settings": dump.configs.len(),
        "modes": dump.modes.len(),
    }))?;
    output.flush()
}

fn leave_out_other_types(rest: &Rest, dump: &mut Dump, skip: bool) -> Result<()> {
    let types = rest.get("/schemas/types")?;
    let has = |version: &Version| {
        let kind = version.schema_type.as_deref().unwrap_or("AVRO");
        types.as_array().is_some_and(|types| types.iter().any(|known| known == kind))
    };
    let other = dump.versions.iter().find(|(_, version)| !has(version));
    if let Some(((subject, number), version)) = other
        && !skip
    {
        let kind = version.schema_type.as_deref().unwrap_or("AVRO");
        bail!(
            "subject {subject}, version {number} is of type {kind}, which the registry does not \
             have: nothing was imported; --skip-other-types leaves such schemas out"
        );
    }
    let before = dump.versions.len();
    dump.versions.retain(|_, version| has(version));
    if before > dump.versions.len() {
        note(&format!("{} schemas of other types are left out", before - dump.versions.len()));
    }
    Ok(())
}

fn mode_path(scope: Option<&str>) -> String {
    scope.map_or("/mode".to_owned(), |scope| format!("/mode/{}", encoded(scope)))
}

/// Sets a mode, or takes it away.
fn set_mode(rest: &Rest, scope: Option<&str>, mode: Option<&str>) -> Result<()> {
    let path = mode_path(scope);
    let done = match mode {
        Some(mode) => rest.put(&format!("{path}?force=true"), &json!({ "mode": mode })),
        None => rest.delete(&path),
    };
    done.map(drop).with_context(|| format!("the mode of {}", scope.unwrap_or("all subjects")))
}

type Former<'a> = Vec<(Option<&'a str>, Option<String>)>;

/// Puts contexts into import; the modes that they had themselves.
fn begin<'a>(rest: &Rest, scopes: &[Option<&'a str>], force: bool) -> Result<Former<'a>> {
    let mut former = Former::new();
    for scope in scopes {
        let path = mode_path(*scope);
        let mode = rest.get(&path).ok();
        let mode = mode.and_then(|answer| answer.get("mode")?.as_str().map(str::to_owned));
        let begun = rest.put(&format!("{path}?force={force}"), &json!({ "mode": "IMPORT" }));
        if let Err(error) = begun {
            former.iter().try_for_each(|(scope, mode): &(_, Option<String>)| {
                set_mode(rest, *scope, mode.as_deref())
            })?;
            let hint = match error.downcast_ref::<Refusal>() {
                Some(refusal) if refusal.code == NOT_PERMITTED => {
                    ": import into an empty registry, or add --force"
                }
                _ => "",
            };
            return Err(error.context(format!("the registry takes no import{hint}")));
        }
        former.push((*scope, mode));
    }
    Ok(former)
}

/// Registers all versions, then deletes again what is deleted; how many these are.
fn versions(rest: &Rest, dump: &Dump) -> Result<usize> {
    let ordered = dump.in_order();
    for (subject, number) in &ordered {
        let Some(version) = dump.versions.get(&(subject.clone(), *number)) else { continue };
        let path = format!("/subjects/{}/versions", encoded(subject));
        let place = || format!("subject {subject}, version {number}, id {}", version.id);
        let answer = rest.post(&path, &version.request(*number)).with_context(place)?;
        if answer.get("id").and_then(Json::as_i64) != Some(version.id.into()) {
            bail!("{}: the registry gave it another id: {answer}", place());
        }
    }
    // Users before what they use.
    let mut deleted = 0;
    for (subject, number) in ordered.iter().rev() {
        let version = dump.versions.get(&(subject.clone(), *number));
        if version.is_some_and(|version| version.deleted) {
            let path = format!("/subjects/{}/versions/{number}", encoded(subject));
            let place = || format!("subject {subject}, version {number} can't be deleted");
            rest.delete(&path).with_context(place)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Sets all settings. What the registry does not do is told, and an error in the end.
fn settings(rest: &Rest, dump: &Dump) -> Result<()> {
    let mut refused = 0;
    for (scope, config) in &dump.configs {
        let mut change: Map<String, Json> = config.clone();
        change.remove("subject");
        if let Some(level) = change.remove("compatibilityLevel") {
            change.insert("compatibility".to_owned(), level);
        }
        let path = scope
            .as_deref()
            .map_or("/config".to_owned(), |scope| format!("/config/{}", encoded(scope)));
        if let Err(error) = rest.put(&path, &Json::Object(change)) {
            let Some(refusal) = error.downcast_ref::<Refusal>() else {
                return Err(error);
            };
            let whose = scope.as_deref().unwrap_or("all subjects");
            note(&format!("the settings of {whose} are left out: {refusal}"));
            refused += 1;
        }
    }
    if refused > 0 {
        bail!("{refused} settings were refused; all schemas are imported");
    }
    Ok(())
}
