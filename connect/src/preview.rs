//! What a change of tables will do: to the subjects of the schema registry, and to
//! the sinks that read their topics.

use std::sync::Arc;

use serde_json::{Value, json};
use thalweg_core::batch::Layout;
use thalweg_core::config::ConfigMap;
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
        let readers = self.sinks(&before.topic);
        let losses = losses(before, table.after.as_ref(), &readers);
        let Some(after) = &table.after else {
            return Ok(json!({
                "table": table.table,
                "topic": &*before.topic,
                "changes": ["no more rows come"],
                "losses": losses,
                "subjects": [],
                "sinks": readers.iter().map(Reader::shown).collect::<Vec<_>>(),
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
            "losses": losses,
            "subjects": subjects,
            "sinks": self.sinks(&after.topic).iter().map(Reader::shown).collect::<Vec<_>>(),
        }))
    }

    /// The sinks that read a topic.
    fn sinks(&self, topic: &str) -> Vec<Reader> {
        let reader = self.reader();
        let mut sinks = Vec::new();
        for name in self.board().names() {
            let Some(view) = self.board().get(&name) else { continue };
            let Ok(plugin @ Plugin::Sink(_)) = reader.plugin(&view.config) else { continue };
            if reader.read(plugin, &view.config).settings.topics.has(topic) {
                sinks.push(Reader { name, class: plugin.about().class, config: view.config });
            }
        }
        sinks
    }
}

/// A sink that reads a topic.
struct Reader {
    name: Arc<str>,
    class: &'static str,
    config: Arc<ConfigMap>,
}

impl Reader {
    fn shown(&self) -> Value {
        json!({ "connector": &*self.name, "class": self.class })
    }

    /// Its name, with the keys of its config that name a column.
    fn naming(&self, column: &str) -> String {
        let names = |text: &str| {
            let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            words.any(|word| word == column)
        };
        let keys = self.config.iter().filter(|(_, text)| names(text));
        let keys: Vec<&str> = keys.map(|(key, _)| key.as_str()).collect();
        match keys.as_slice() {
            [] => self.name.to_string(),
            keys => format!("{} (its {} names it)", self.name, keys.join(", ")),
        }
    }
}

/// What those who read the rows lose, whatever the schema registry says to it.
fn losses(before: &RowSchemas, after: Option<&RowSchemas>, readers: &[Reader]) -> Vec<String> {
    let all = |shown: &dyn Fn(&Reader) -> String| {
        readers.iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    let names = all(&|reader| reader.name.to_string());
    let Some(after) = after else {
        let lost = format!("no more rows come to topic {}, which is read by {names}", before.topic);
        return if readers.is_empty() { Vec::new() } else { vec![lost] };
    };
    let mut losses = Vec::new();
    if before.topic != after.topic && !readers.is_empty() {
        let (from, to) = (&before.topic, &after.topic);
        losses.push(format!("rows go to topic {to}, and topic {from} is read by {names}"));
    }
    let columns = |key: &Option<Arc<Schema>>| {
        let fields = key.as_ref().map(|key| key.fields().iter().map(|field| field.name.clone()));
        fields.into_iter().flatten().collect::<Vec<_>>()
    };
    match (columns(&before.key), columns(&after.key)) {
        (former, now) if former == now || former.is_empty() => {}
        (former, now) if now.is_empty() => losses.push(format!(
            "rows have no keys any more ({}): those of one row are spread over partitions, in no \
             order, and its topic can't be compacted",
            former.join(", ")
        )),
        (former, now) => losses.push(format!(
            "keys are of other columns ({} after {}): what was written of a row before is not \
             found by its key",
            now.join(", "),
            former.join(", ")
        )),
    }
    let is_kept = |name: &str| row_of(&after.value).field(name).is_some();
    for field in row_of(&before.value).fields() {
        if !is_kept(&field.name) && !readers.is_empty() {
            let name = &field.name;
            let names = all(&|reader| reader.naming(name));
            losses.push(format!("column {name} is gone, and its topic is read by {names}"));
        }
    }
    losses
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
