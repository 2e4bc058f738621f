//! What a status tells of rows that are parked.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value};

use crate::source_loop::note_of;
use crate::store::Waiting;
use crate::supervisor::{ConnectorView, Handle};

/// The topics of a connector whose rows wait until the schema registry takes their schema:
/// how many, since when, for which subject, where they are, and what to do.
pub(super) async fn of(handle: &Handle, name: &str, view: &ConnectorView) -> Vec<Value> {
    if view.kind != "source" {
        return Vec::new();
    }
    let waiting = handle.waiting(name).await;
    waiting.iter().map(|waiting| shown(waiting, reason(view, &waiting.topic))).collect()
}

/// What a task says of a topic's rows. Nothing does while it does not run.
fn reason(view: &ConnectorView, topic: &str) -> Option<String> {
    view.tasks.iter().find_map(|task| task.notes.all().remove(&note_of(topic)))
}

fn shown(waiting: &Waiting, reason: Option<String>) -> Value {
    let Waiting { topic, parked, records } = waiting;
    let since = DateTime::from_timestamp_millis(parked.since_ms);
    let mut shown = Map::new();
    shown.insert("topic".into(), topic.as_str().into());
    shown.insert("records".into(), (*records).into());
    shown.insert("bytes".into(), parked.bytes.into());
    let since = since.map(|since| since.to_rfc3339_opts(SecondsFormat::Millis, true));
    shown.insert("since".into(), since.into());
    if let Some(subject) = &parked.subject {
        shown.insert("subject".into(), subject.as_str().into());
    }
    shown.insert("held_in".into(), parked.rows.as_str().into());
    if let Some(reason) = reason {
        shown.insert("reason".into(), reason.into());
    }
    Value::Object(shown)
}
