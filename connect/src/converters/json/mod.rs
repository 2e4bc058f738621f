//! JSON, with schemas or without:
//! `org.apache.kafka.connect.json.JsonConverter`.

mod config;
mod decode;

use std::sync::Arc;

use thalweg_core::batch::{Columns, Layout};
use thalweg_core::json::{Encoder, Options, schema_json};
use thalweg_core::schema::Kind;
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};

pub(super) use config::declare;

use super::{Converter, RowDecoder, RowEncoder};

/// How a [`JsonConverter`] works.
#[derive(Clone, Debug)]
pub struct JsonSettings {
    /// Whether each record carries its schema (`schemas.enable`).
    pub schemas: bool,
    /// How values are written.
    pub options: Options,
}

impl Default for JsonSettings {
    fn default() -> Self {
        Self { schemas: true, options: Options::default() }
    }
}

/// Writes and reads JSON.
#[derive(Clone, Debug, Default)]
pub struct JsonConverter {
    settings: JsonSettings,
}

impl JsonConverter {
    /// A converter with these settings.
    #[must_use]
    pub fn new(settings: JsonSettings) -> Self {
        Self { settings }
    }

    fn make(&self, topic: &str, layout: &Arc<Layout>) -> Result<JsonEncoder, ConnectError> {
        let bad = |error| {
            ConnectError::bad_config(format!("topic {topic} can't be written as JSON: {error}"))
        };
        let options = &self.settings.options;
        let plan = Encoder::new(layout, options).map_err(bad)?;
        let (before, after) = if self.settings.schemas {
            let schema = match layout.schema().kind() {
                Kind::Json => "null".to_owned(),
                _ => schema_json(layout.schema(), options).map_err(bad)?,
            };
            (format!("{{\"schema\":{schema},\"payload\":"), "}")
        } else {
            (String::new(), "")
        };
        Ok(JsonEncoder { before: before.into_bytes(), plan, after })
    }
}

impl Converter for JsonConverter {
    fn encoder<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, ConnectError>> {
        let made = self.make(topic, layout).map(|plan| Arc::new(plan) as Arc<dyn RowEncoder>);
        Box::pin(std::future::ready(made))
    }

    fn decoder(&self, _topic: &str) -> Box<dyn RowDecoder> {
        Box::new(decode::JsonDecoder::new(self.settings.clone()))
    }
}

struct JsonEncoder {
    /// What stands before the payload, the schema included.
    before: Vec<u8>,
    plan: Encoder,
    after: &'static str,
}

impl RowEncoder for JsonEncoder {
    fn encode(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConnectError> {
        if !columns.has_row(row) {
            return Ok(false);
        }
        let start = out.len();
        out.extend_from_slice(&self.before);
        self.plan.encode(columns, row, out).map_err(|error| {
            out.truncate(start);
            ConnectError::new(ErrorKind::BadRecord, format!("can't write the row: {error}"))
        })?;
        out.extend_from_slice(self.after.as_bytes());
        Ok(true)
    }
}
