//! Our batches as events in the form of the fixtures.

use serde_json::Value;
use thalweg_core::batch::{Batch, Columns};
use thalweg_core::json::{DecimalFormat, Encoder, Options, schema_json};

use crate::fixtures::Event;

/// The rows of batches, each with its place in the source's order.
///
/// `nulls_to_defaults` is the converter's setting.
pub(crate) fn events(batches: &[Batch], nulls_to_defaults: bool) -> Vec<Event> {
    let options = Options { nulls_to_defaults, ..Options::default() };
    let mut all: Vec<(u64, Event)> =
        batches.iter().flat_map(|batch| of_batch(batch, &options)).collect();
    all.sort_by_key(|(ordinal, _)| *ordinal);
    all.into_iter().map(|(_, event)| event).collect()
}

fn of_batch(batch: &Batch, options: &Options) -> Vec<(u64, Event)> {
    let part = |columns: &Option<Columns>| {
        columns.as_ref().map(|columns| {
            let schema = schema_json(columns.layout().schema(), options).unwrap();
            let encoder = Encoder::new(columns.layout(), options).unwrap();
            (columns.clone(), serde_json::from_str::<Value>(&schema).unwrap(), encoder)
        })
    };
    let (key, value) = (part(&batch.key), part(&batch.value));
    let read = |part: &Option<(Columns, Value, Encoder)>, row: usize| match part {
        Some((columns, schema, encoder)) if columns.has_row(row) => {
            let mut text = Vec::new();
            encoder.encode(columns, row, &mut text).unwrap();
            (schema.clone(), serde_json::from_slice(&text).unwrap())
        }
        _ => (Value::Null, Value::Null),
    };
    (0..batch.rows)
        .map(|row| {
            let (key_schema, key) = read(&key, row);
            let (value_schema, value) = read(&value, row);
            let headers = batch.headers_of(row).map(|header| {
                let text = header.schema.as_ref().map(|schema| plain(schema, &header.value));
                (header.key.to_string(), text.unwrap_or_default())
            });
            let event = Event {
                topic: batch.topic.to_string(),
                key_schema,
                key,
                value_schema,
                value,
                headers: headers.collect(),
            };
            (batch.ordinals.get(row).copied().unwrap_or(0), event)
        })
        .collect()
}

/// A header's value as Connect's header converter writes it: JSON without a
/// schema, decimals as numbers.
fn plain(
    schema: &std::sync::Arc<thalweg_core::schema::Schema>,
    value: &thalweg_core::schema::Value,
) -> String {
    let options = Options { decimals: DecimalFormat::Numeric, ..Options::default() };
    let layout = thalweg_core::batch::Layout::of(schema);
    let mut columns = Columns::new(layout.clone());
    columns.push_value(value);
    let mut text = Vec::new();
    Encoder::new(&layout, &options).unwrap().encode(&columns, 0, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}
