//! Bytes as they are: `org.apache.kafka.connect.converters.ByteArrayConverter`.

use std::sync::Arc;

use thalweg_core::batch::{Columns, Layout};
use thalweg_core::schema::{Kind, SchemaBuilder};
use thalweg_core::{BoxFuture, ConnectError};

use super::{Converter, OneLayout, RowDecoder, RowEncoder, add_bytes, kind_name};

/// Passes bytes through; refuses rows that are not bytes.
#[derive(Debug, Default)]
pub struct ByteArrayConverter;

impl Converter for ByteArrayConverter {
    fn encoder<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, ConnectError>> {
        let plan = match layout.schema().kind() {
            Kind::Bytes => Ok(Arc::new(BytesEncoder) as Arc<dyn RowEncoder>),
            other => Err(ConnectError::bad_config(format!(
                "ByteArrayConverter writes bytes only, and the rows for topic {topic} are {}: \
                 use AvroConverter or JsonConverter",
                kind_name(other)
            ))),
        };
        Box::pin(std::future::ready(plan))
    }

    fn decoder(&self, _topic: &str) -> Box<dyn RowDecoder> {
        let schema = SchemaBuilder::bytes().optional().build();
        Box::new(BytesDecoder { layout: Layout::of(&schema) })
    }
}

struct BytesEncoder;

impl RowEncoder for BytesEncoder {
    fn encode(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConnectError> {
        if !columns.has_row(row) {
            return Ok(false);
        }
        match columns.bytes_at(Layout::ROOT, row) {
            Some(bytes) => out.extend_from_slice(bytes),
            None => return Ok(false),
        }
        Ok(true)
    }
}

struct BytesDecoder {
    layout: Arc<Layout>,
}

impl OneLayout for BytesDecoder {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn decode(&self, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
        add_bytes(bytes, into)
    }
}
