//! Numbers and booleans as Kafka's own serializers write them:
//! `org.apache.kafka.connect.converters.LongConverter` and its like.

use std::sync::Arc;

use thalweg_core::batch::{Cell, Columns, Layout};
use thalweg_core::schema::{Kind, SchemaBuilder};
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};

use super::{Converter, OneLayout, RowDecoder, RowEncoder, kind_name};

/// Writes and reads one kind of number (or booleans), big-endian.
#[derive(Clone, Debug)]
pub struct NumberConverter {
    kind: Kind,
}

impl NumberConverter {
    /// A converter for `Int16`, `Int32`, `Int64`, `Float32`, `Float64` or
    /// `Boolean`; any other kind converts nothing.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind }
    }
}

impl Converter for NumberConverter {
    fn encoder<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, ConnectError>> {
        let made = if *layout.schema().kind() == self.kind {
            Ok(Arc::new(Numbers { kind: self.kind.clone() }) as Arc<dyn RowEncoder>)
        } else {
            Err(ConnectError::bad_config(format!(
                "the converter writes values of kind {:?} only, and the rows for topic {topic} are \
                 {}: use AvroConverter or JsonConverter",
                self.kind,
                kind_name(layout.schema().kind())
            )))
        };
        Box::pin(std::future::ready(made))
    }

    fn decoder(&self, _topic: &str) -> Box<dyn RowDecoder> {
        let schema = SchemaBuilder::of(self.kind.clone()).optional().build();
        Box::new(NumberDecoder { kind: self.kind.clone(), layout: Layout::of(&schema) })
    }
}

struct Numbers {
    kind: Kind,
}

impl RowEncoder for Numbers {
    #[allow(clippy::cast_possible_truncation, reason = "the schema says 32 bits")]
    fn encode(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConnectError> {
        if !columns.has_row(row) {
            return Ok(false);
        }
        let bad =
            || ConnectError::new(ErrorKind::BadRecord, "the value is out of its type's range");
        match (&self.kind, columns.cell(Layout::ROOT, row)) {
            (_, Cell::Null) => return Ok(false),
            (Kind::Boolean, Cell::Bool(bool)) => out.push(bool.into()),
            (Kind::Int16, Cell::Int(int)) => {
                out.extend_from_slice(&i16::try_from(int).map_err(|_| bad())?.to_be_bytes());
            }
            (Kind::Int32, Cell::Int(int)) => {
                out.extend_from_slice(&i32::try_from(int).map_err(|_| bad())?.to_be_bytes());
            }
            (Kind::Int64, Cell::Int(int)) => out.extend_from_slice(&int.to_be_bytes()),
            (Kind::Float32, Cell::Float(float)) => {
                out.extend_from_slice(&(float as f32).to_be_bytes());
            }
            (Kind::Float64, Cell::Float(float)) => out.extend_from_slice(&float.to_be_bytes()),
            _ => return Err(bad()),
        }
        Ok(true)
    }
}

struct NumberDecoder {
    kind: Kind,
    layout: Arc<Layout>,
}

impl OneLayout for NumberDecoder {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn decode(&self, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
        let cell = match (&self.kind, bytes) {
            (Kind::Boolean, [0]) => Cell::Bool(false),
            (Kind::Boolean, [1]) => Cell::Bool(true),
            (Kind::Int16, &[a, b]) => Cell::Int(i16::from_be_bytes([a, b]).into()),
            (Kind::Int32, &[a, b, c, d]) => Cell::Int(i32::from_be_bytes([a, b, c, d]).into()),
            (Kind::Float32, &[a, b, c, d]) => Cell::Float(f32::from_be_bytes([a, b, c, d]).into()),
            (Kind::Int64, &[a, b, c, d, e, f, g, h]) => {
                Cell::Int(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            (Kind::Float64, &[a, b, c, d, e, f, g, h]) => {
                Cell::Float(f64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            _ => {
                return Err(ConnectError::new(
                    ErrorKind::BadRecord,
                    format!("{} bytes are no value of kind {:?}", bytes.len(), self.kind),
                ));
            }
        };
        into.set(Layout::ROOT, cell);
        into.end_row();
        Ok(())
    }
}
