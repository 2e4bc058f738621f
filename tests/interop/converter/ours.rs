//! Our converter, over a registry of its own.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use thalweg_connect::converters::avro::{AvroConverter, AvroSettings};
use thalweg_connect::converters::{Converter as _, Side};
use thalweg_core::avro::Options as AvroOptions;
use thalweg_core::batch::{Columns, Layout};
use thalweg_core::json::{self, Options};
use thalweg_core::schema::Schema;
use thalweg_log::MemoryLog;
use thalweg_schema_registry::Registry;

use super::Answer;
use super::matrix::Row;

/// Nulls stay nulls, so that what is seen is the Avro converter's work.
pub(super) fn json_options() -> Options {
    Options { nulls_to_defaults: false, ..Options::default() }
}

/// Our converter.
pub(super) struct Ours {
    registry: Arc<Registry>,
    converter: AvroConverter,
    /// Topics by schema: each schema has a subject of its own, so that none is
    /// refused for another one.
    topics: HashMap<String, String>,
}

impl Ours {
    /// One that writes the attributes `connect.*`, or not.
    pub(super) async fn open(metadata: bool) -> Self {
        let registry = Arc::new(Registry::open(Arc::new(MemoryLog::new())).await.unwrap());
        let options = AvroOptions { metadata, ..AvroOptions::default() };
        let settings = AvroSettings { options, ..AvroSettings::default() };
        let converter = AvroConverter::new(Side::Value, registry.clone(), settings);
        Self { registry, converter, topics: HashMap::new() }
    }

    /// The record of a row, its schema, and what is read from it.
    pub(super) async fn answer(&mut self, row: &Row) -> Result<Answer, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let text = row.schema.to_string();
        let schema = json::from_json(&text).map_err(|error| told(&error))?.unwrap();
        let number = self.topics.len();
        let topic = self.topics.entry(text).or_insert_with(|| format!("matrix-{number}")).clone();
        let mut record = Vec::new();
        let columns = read(&schema, &row.payload)?;
        let plan = self.converter.encoder(&topic, columns.layout()).await;
        let plan = plan.map_err(|error| told(&error))?;
        plan.encode(&columns, 0, &mut record).map_err(|error| told(&error))?;
        let id = i32::from_be_bytes(record[1..5].try_into().unwrap());
        let schema = self.registry.schema_by_id(id).unwrap().text().to_owned();
        let datum = record[5..].to_vec();
        Ok(Answer { back: self.back(&record).await?, schema, datum })
    }

    /// What is read from a record of this registry, as JSON with its schema.
    async fn back(&self, record: &[u8]) -> Result<Value, String> {
        let mut decoder = self.converter.decoder("matrix");
        let tag = decoder.learn(record).await.map_err(|error| error.to_string())?;
        let layout = decoder.layout(tag);
        let mut columns = Columns::new(Arc::clone(&layout));
        decoder.decode(tag, record, &mut columns).map_err(|error| error.to_string())?;
        Ok(as_json(&layout, &columns))
    }
}

fn read(schema: &Arc<Schema>, payload: &Value) -> Result<Columns, String> {
    let decoder = json::Decoder::new(schema, &json_options()).map_err(|error| error.to_string())?;
    let mut columns = Columns::new(Arc::clone(decoder.layout()));
    let text = payload.to_string();
    decoder.decode(text.as_bytes(), &mut columns).map_err(|error| error.to_string())?;
    Ok(columns)
}

/// A row as JsonConverter writes it with schemas.
pub(super) fn as_json(layout: &Arc<Layout>, columns: &Columns) -> Value {
    let options = json_options();
    let schema = json::schema_json(layout.schema(), &options).unwrap();
    let mut payload = Vec::new();
    json::Encoder::new(layout, &options).unwrap().encode(columns, 0, &mut payload).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    serde_json::json!({"schema": schema, "payload": payload})
}
