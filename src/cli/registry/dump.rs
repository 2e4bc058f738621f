//! A dump of a registry's topic: its records in order, and what they add up to.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// What a registry knew.
#[derive(Debug, Default)]
pub(super) struct Dump {
    /// Versions by subject and number.
    pub(super) versions: BTreeMap<(String, i32), Version>,
    /// Settings by subject; of all without one.
    pub(super) configs: BTreeMap<Option<String>, Map<String, Json>>,
    /// Modes by subject; of all without one.
    pub(super) modes: BTreeMap<Option<String>, String>,
    /// Kinds of keys that are not known.
    pub(super) unknown: BTreeSet<String>,
}

/// One version of a subject.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub(super) id: i32,
    pub(super) schema_type: Option<String>,
    #[serde(default)]
    pub(super) deleted: bool,
    references: Option<Vec<Reference>>,
    /// What the registry is to register.
    #[serde(flatten)]
    rest: Map<String, Json>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: i32,
}

#[derive(Deserialize)]
struct Line {
    key: Json,
    value: Json,
}

impl Dump {
    /// Takes a line: `{"key":...,"value":...}`, or key, tab, value.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<()> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let line = match line.iter().position(|byte| *byte == b'\t') {
            Some(tab) => Line {
                key: serde_json::from_slice(&line[..tab]).context("the key")?,
                value: serde_json::from_slice(&line[tab + 1..]).context("the value")?,
            },
            None => serde_json::from_slice(line)?,
        };
        let text = |name: &str| line.key.get(name).and_then(Json::as_str).map(str::to_owned);
        let kind = text("keytype").ok_or_else(|| anyhow!("the key has no keytype"))?;
        let subject = text("subject");
        self.apply(&kind, subject, &line.key, line.value).with_context(|| format!("a {kind}"))
    }

    fn apply(
        &mut self,
        kind: &str,
        subject: Option<String>,
        key: &Json,
        value: Json,
    ) -> Result<()> {
        let named = || subject.clone().ok_or_else(|| anyhow!("its key has no subject"));
        match kind {
            "SCHEMA" => {
                let version = key.get("version").and_then(Json::as_i64).unwrap_or_default();
                let at = (named()?, i32::try_from(version)?);
                if value.is_null() {
                    self.versions.remove(&at);
                } else {
                    self.versions.insert(at, serde_json::from_value(value)?);
                }
            }
            "DELETE_SUBJECT" => {
                let to = value.get("version").and_then(Json::as_i64).unwrap_or_default();
                let subject = named()?;
                let of_it = self.versions.iter_mut().filter(|((name, _), _)| *name == subject);
                of_it
                    .filter(|((_, version), _)| i64::from(*version) <= to)
                    .for_each(|(_, version)| version.deleted = true);
            }
            "CLEAR_SUBJECT" => self
                .versions
                .retain(|(name, _), version| !version.deleted || !covers(subject.as_deref(), name)),
            "CONFIG" => match value {
                Json::Object(config) => drop(self.configs.insert(subject, config)),
                _ => drop(self.configs.remove(&subject)),
            },
            "MODE" => match value.get("mode").and_then(Json::as_str) {
                Some(mode) => drop(self.modes.insert(subject, mode.to_owned())),
                None => drop(self.modes.remove(&subject)),
            },
            // A context is made again by what is in it.
            "CONTEXT" | "NOOP" => {}
            other => drop(self.unknown.insert(other.to_owned())),
        }
        Ok(())
    }

    /// The contexts that subjects are in, by the prefix of these.
    pub(super) fn contexts(&self) -> BTreeSet<&str> {
        self.versions.keys().map(|(subject, _)| context(subject)).collect()
    }

    /// All versions, each after those that it refers to.
    pub(super) fn in_order(&self) -> Vec<&(String, i32)> {
        let mut done = HashSet::new();
        let mut ordered = Vec::new();
        for first in self.versions.keys() {
            // A version is entered, then, when all that it refers to is out, put out.
            let mut open = vec![(first, 0)];
            while let Some((at, place)) = open.pop() {
                let references = self.versions.get(at).and_then(|v| v.references.as_ref());
                let next = references.and_then(|all| all.get(place));
                if place == 0 && !done.insert(at) {
                    continue;
                }
                let Some(next) = next else {
                    ordered.push(at);
                    continue;
                };
                open.push((at, place + 1));
                let subject = if next.subject.starts_with(":.") {
                    next.subject.clone()
                } else {
                    format!("{}{}", context(&at.0), next.subject)
                };
                if let Some((next, _)) = self.versions.get_key_value(&(subject, next.version)) {
                    open.push((next, 0));
                }
            }
        }
        ordered
    }
}

impl Version {
    /// The body of the request that registers it.
    pub(super) fn request(&self, version: i32) -> Json {
        let mut body = Map::new();
        for name in ["schema", "metadata", "ruleSet"] {
            if let Some(value) = self.rest.get(name) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(kind) = &self.schema_type {
            body.insert("schemaType".to_owned(), kind.as_str().into());
        }
        let references = self.references.iter().flatten().map(|reference| {
            let Reference { name, subject, version } = reference;
            serde_json::json!({ "name": name, "subject": subject, "version": version })
        });
        body.insert("references".to_owned(), references.collect());
        body.insert("id".to_owned(), self.id.into());
        body.insert("version".to_owned(), version.into());
        Json::Object(body)
    }
}

/// What a subject's name begins with to say its context; nothing in the default one.
fn context(subject: &str) -> &str {
    if !subject.starts_with(":.") {
        return "";
    }
    let end = subject[1..].find(':').map_or(subject.len(), |end| end + 2);
    &subject[..end]
}

fn covers(scope: Option<&str>, subject: &str) -> bool {
    match scope {
        None | Some(":.__GLOBAL:") => true,
        Some(scope) => scope == subject || (scope.ends_with(':') && scope == context(subject)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn schema(subject: &str, version: i32, id: i32, references: &str) -> String {
        format!(
            r#"{{"key":{{"keytype":"SCHEMA","subject":"{subject}","version":{version},"magic":1}},"value":{{"subject":"{subject}","version":{version},"id":{id},"references":[{references}],"schema":"\"int\"","deleted":false}}}}"#
        )
    }

    #[test]
    fn records_add_up_in_their_order() {
        let mut dump = Dump::default();
        let user = r#"{"name":"B","subject":"b","version":1}"#;
        let lines = [
            schema(":.eu:a", 1, 1, user),
            schema(":.eu:b", 1, 2, ""),
            schema("gone", 1, 3, ""),
            schema("soft", 1, 4, ""),
            "{\"keytype\":\"DELETE_SUBJECT\",\"subject\":\"soft\",\"magic\":0}\t{\"subject\":\"soft\",\"version\":1}".to_owned(),
            schema("soft", 2, 4, ""),
            "{\"keytype\":\"SCHEMA\",\"subject\":\"gone\",\"version\":1,\"magic\":1}\tnull".to_owned(),
            "{\"keytype\":\"MODE\",\"subject\":null,\"magic\":0}\t{\"mode\":\"READONLY\"}".to_owned(),
            "{\"keytype\":\"ASSOC\"}\t{}".to_owned(),
            String::new(),
        ];
        for line in &lines {
            dump.take(line.as_bytes()).unwrap();
        }
        let deleted: Vec<_> =
            dump.versions.iter().map(|((name, n), v)| (name.as_str(), *n, v.deleted)).collect();
        assert_eq!(
            deleted,
            [(":.eu:a", 1, false), (":.eu:b", 1, false), ("soft", 1, true), ("soft", 2, false)]
        );
        let ordered: Vec<_> = dump.in_order().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(ordered, [":.eu:b", ":.eu:a", "soft", "soft"]);
        assert_eq!(dump.contexts().into_iter().collect::<Vec<_>>(), ["", ":.eu:"]);
        assert_eq!(dump.modes.get(&None).map(String::as_str), Some("READONLY"));
        assert!(dump.unknown.contains("ASSOC"));
        for broken in ["nothing", "{}", "{\"key\":{},\"value\":{}}"] {
            assert!(dump.take(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
