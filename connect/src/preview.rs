//! What a change of tables will do: to the subjects of the schema registry, and to
//! the sinks that read their topics.

use std::sync::Arc;

use serde_json::{Value, json};
use thalweg_core::batch::Layout;
use thalweg_core::connector::{RowSchemas, TablePreview};
use thalweg_core::schema::{Kind, Schema};
use thalweg_core::{ConnectError, ErrorKind};

use crate::config::Settings;
use crate::converters::{IncompatibleAction, Side};
use crate::plugins::Plugin;
use crate::supervisor::{Handle, Refusal};

impl Handle {
    /// What these statements would do to the rows of a source, each subject's
    /// verdict, and who reads the rows. Nothing is changed.
    pub(crate) async fn preview(&self, name: &str, sql: &str) -> Result<Value, Refusal> {
        let view = self.view(name)?;
        let reader = self.reader();
        let plugin = reader.plugin(&view.config).map_err(Refusal::Invalid)?;
        let Plugin::Source(source) = plugin else {
            return Err(Refusal::Invalid(format!(
                "{name} is a sink: ask the source that its rows come from"
            )));
        };
        let settings = reader.read(plugin, &view.config).settings;
        let told = source.preview_ddl(&view.config, sql).await.map_err(refusal)?;
        let mut tables = Vec::new();
        for table in &told.tables {
            tables.push(self.table(&settings, table).map_err(refusal)?);
        }
        let mut notes = told.notes;
        notes.extend(self.0.stores.parked.of(name).into_keys().map(|topic| {
            format!(
                "rows of topic {topic} are parked already (the connector's status says why): those \
                 that come after a change wait behind them"
            )
        }));
        Ok(json!({ "connector": name, "tables": tables, "notes": notes }))
    }

    fn table(&self, settings: &Settings, table: &TablePreview) -> Result<Value, ConnectError> {
        let before = &table.before;
        let Some(after) = &table.after else {
            return Ok(json!({
                "table": table.table,
                "topic": &*before.topic,
                "changes": ["no more rows come"],
                "subjects": [],
                "sinks": self.sinks(&before.topic),
            }));
        };
        let mut changes = Vec::new();
        if before.topic != after.topic {
            changes.push(format!("rows go to topic {} from then on", after.topic));
        }
        match (&before.key, &after.key) {
            (Some(before), Some(after)) => compare("key ", before, after, &mut changes),
            (None, Some(_)) => changes.push("rows have keys from then on".to_owned()),
            (Some(_), None) => changes.push("rows have no keys any more".to_owned()),
            (None, None) => {}
        }
        compare("", row_of(&before.value), row_of(&after.value), &mut changes);
        let mut subjects = Vec::new();
        if let Some(key) = &after.key {
            subjects.extend(subject(settings, Side::Key, after, key)?);
        }
        subjects.extend(subject(settings, Side::Value, after, &after.value)?);
        Ok(json!({
            "table": table.table,
            "topic": &*after.topic,
            "changes": changes,
            "subjects": subjects,
            "sinks": self.sinks(&after.topic),
        }))
    }

    /// The sinks that read a topic.
    fn sinks(&self, topic: &str) -> Vec<Value> {
        let reader = self.reader();
        let mut sinks = Vec::new();
        for name in self.board().names() {
            let Some(view) = self.board().get(&name) else { continue };
            let Ok(plugin @ Plugin::Sink(_)) = reader.plugin(&view.config) else { continue };
            if reader.read(plugin, &view.config).settings.topics.has(topic) {
                sinks.push(json!({ "connector": &*name, "class": plugin.about().class }));
            }
        }
        sinks
    }
}

fn refusal(error: ConnectError) -> Refusal {
    match error.kind() {
        ErrorKind::BadConfig => Refusal::Invalid(error.to_string()),
        _ => Refusal::Failed(error.to_string()),
    }
}

/// What the registry would say to the schema of one side.
fn subject(
    settings: &Settings,
    side: Side,
    rows: &RowSchemas,
    schema: &Arc<Schema>,
) -> Result<Option<Value>, ConnectError> {
    let converter = match side {
        Side::Key => &settings.key,
        Side::Value => &settings.value,
    };
    let Some(registered) = converter.registered() else { return Ok(None) };
    let (schema, _) = registered.detached(&rows.topic, &Layout::of(schema))?;
    let told = registered.foretell(&schema)?;
    let is_compatible = told.reasons.is_empty();
    let outcome = match (told.known, is_compatible, settings.evolution.action) {
        (Some(version), ..) => format!("nothing changes: version {version} has this schema"),
        (None, ..) if !told.registers => {
            "the task fails until the schema is registered (auto.register.schemas=false)".to_owned()
        }
        (None, true, _) => "a new version is registered".to_owned(),
        (None, false, IncompatibleAction::Pause) => {
            "the rows of this topic are parked until the registry takes the schema".to_owned()
        }
        (None, false, IncompatibleAction::Evolve) => {
            "a new version is registered against the level".to_owned()
        }
        (None, false, IncompatibleAction::NewSubject) => {
            "the schema begins a subject of its own".to_owned()
        }
    };
    let goes_on = match settings.evolution.action {
        _ if told.known.is_some() => true,
        _ if !told.registers => false,
        IncompatibleAction::Pause => is_compatible,
        IncompatibleAction::Evolve | IncompatibleAction::NewSubject => true,
    };
    let levels: serde_json::Map<String, Value> =
        told.levels.iter().map(|(level, fits)| ((*level).to_owned(), (*fits).into())).collect();
    Ok(Some(json!({
        "subject": told.subject,
        "level": told.level,
        "compatible": is_compatible,
        "goes_on": goes_on,
        "outcome": outcome,
        "reasons": told.reasons,
        "levels": levels,
    })))
}

/// The part of a value that holds a table's row: of an envelope, what comes after
/// the change.
fn row_of(value: &Schema) -> &Schema {
    value.field("after").map_or(value, |field| &field.schema)
}

/// Adds what differs between the fields of two structs.
fn compare(what: &str, before: &Schema, after: &Schema, changes: &mut Vec<String>) {
    for field in before.fields() {
        if after.field(&field.name).is_none() {
            changes.push(format!("- {what}{}", field.name));
        }
    }
    for field in after.fields() {
        let now = told(&field.schema);
        match before.field(&field.name).map(|field| &field.schema) {
            None => changes.push(format!("+ {what}{} {now}", field.name)),
            Some(former) if **former != *field.schema => {
                let was = told(former);
                changes.push(if was == now {
                    format!(
                        "~ {what}{}: {now}, with another default or other attributes",
                        field.name
                    )
                } else {
                    format!("~ {what}{}: {was} to {now}", field.name)
                });
            }
            Some(_) => {}
        }
    }
}

/// A field's type in a word or two.
fn told(schema: &Schema) -> String {
    let kind = match schema.kind() {
        Kind::Array(element) => format!("array of {}", told(element)),
        kind => kind.name().to_owned(),
    };
    let name = schema.name().map_or(String::new(), |name| format!(" ({name})"));
    let optional = if schema.optional() { "optional " } else { "" };
    let default = if schema.default_value().is_some() { " with a default" } else { "" };
    format!("{optional}{kind}{name}{default}")
}
