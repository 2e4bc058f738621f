//! Headers as bytes.

use std::sync::Arc;

use serde_json::json;
use thalweg_core::batch::{Batch, Header};
use thalweg_core::schema::{Kind, Schema, Value};

use crate::config::HeaderFormat;

/// Shows the headers of one row to `write`, as the record has them.
pub(super) fn with<T>(
    format: HeaderFormat,
    batch: &Batch,
    row: usize,
    write: impl FnOnce(&[(&str, Option<&[u8]>)]) -> T,
) -> T {
    let texts: Vec<(&Header, Option<Vec<u8>>)> =
        batch.headers_of(row).map(|header| (header, bytes(format, header))).collect();
    let headers: Vec<(&str, Option<&[u8]>)> =
        texts.iter().map(|(header, bytes)| (&*header.key, bytes.as_deref())).collect();
    write(&headers)
}

fn bytes(_format: HeaderFormat, header: &Header) -> Option<Vec<u8>> {
    match &header.value {
        Value::Null | Value::Unavailable => None,
        Value::Text(text) => Some(text.clone().into_bytes()),
        Value::Bytes(bytes) if header.schema.is_none() => Some(bytes.clone()),
        value => {
            let json = to_json(value, header.schema.as_ref());
            Some(match json {
                serde_json::Value::String(text) => text.into_bytes(),
                other => other.to_string().into_bytes(),
            })
        }
    }
}

/// As Connect's `SimpleHeaderConverter` prints values: structs and maps as
/// objects, bytes as base64.
fn to_json(value: &Value, schema: Option<&Arc<Schema>>) -> serde_json::Value {
    use base64::Engine;
    match value {
        Value::Null | Value::Unavailable => serde_json::Value::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => json!(int),
        Value::Float(float) => json!(float),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::List(items) => {
            let element = match schema.map(|schema| schema.kind()) {
                Some(Kind::Array(element)) => Some(element),
                _ => None,
            };
            items.iter().map(|item| to_json(item, element)).collect()
        }
        Value::Struct(values) => {
            let fields = schema.map_or(&[][..], |schema| schema.fields());
            let named = fields.iter().zip(values);
            serde_json::Value::Object(
                named
                    .map(|(field, value)| {
                        (field.name.to_string(), to_json(value, Some(&field.schema)))
                    })
                    .collect(),
            )
        }
        Value::Map(entries) => {
            let named = entries.iter().map(|(key, value)| {
                let key = match to_json(key, None) {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                };
                (key, to_json(value, None))
            });
            serde_json::Value::Object(named.collect())
        }
    }
}
