//! Schemas and values of all shapes, from a seed.

use std::sync::Arc;

use fastrand::Rng;

use crate::schema::{Kind, Schema, SchemaBuilder, Value};

/// Makes schemas and values.
pub(crate) struct Samples {
    pub(crate) rng: Rng,
    names: u32,
    /// Whether maps may have several entries (their order is lost elsewhere).
    pub(crate) map_entries_max: usize,
}

impl Samples {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), names: 0, map_entries_max: 3 }
    }

    pub(crate) fn row_schema(&mut self) -> Arc<Schema> {
        self.structure(3).build()
    }

    fn structure(&mut self, depth: usize) -> SchemaBuilder {
        self.names += 1;
        let mut builder = SchemaBuilder::structure().name(format!("shop.Row{}", self.names));
        for number in 0..self.rng.usize(1..8) {
            let schema = self.field_schema(depth);
            builder = builder.field(format!("f{number}"), schema);
        }
        builder
    }

    fn field_schema(&mut self, depth: usize) -> Arc<Schema> {
        let optional = self.rng.bool();
        let schema = self.any(depth).optional_if(optional).build();
        if self.rng.u8(0..5) > 0 || matches!(schema.kind(), Kind::Struct(_)) {
            return schema;
        }
        let bare = SchemaBuilder::from_schema(&schema).optional_if(false).build();
        let default = self.value(&bare);
        if !plain(&default) {
            return schema;
        }
        SchemaBuilder::from_schema(&schema).default_value(default).build()
    }

    fn any(&mut self, depth: usize) -> SchemaBuilder {
        match self.rng.u8(0..if depth == 0 { 15 } else { 19 }) {
            0 => SchemaBuilder::boolean(),
            1 => SchemaBuilder::int8(),
            2 => SchemaBuilder::int16(),
            3 => SchemaBuilder::int32(),
            4 => SchemaBuilder::int64(),
            5 => SchemaBuilder::float32(),
            6 => SchemaBuilder::float64(),
            7 | 8 => SchemaBuilder::string(),
            9 => SchemaBuilder::bytes(),
            10 => SchemaBuilder::bytes()
                .name("org.apache.kafka.connect.data.Decimal")
                .version(1)
                .parameter("scale", "2")
                .parameter("connect.decimal.precision", "30"),
            11 => SchemaBuilder::int32().name("org.apache.kafka.connect.data.Date").version(1),
            12 => SchemaBuilder::int64().name("io.debezium.time.MicroTimestamp").version(1),
            13 => SchemaBuilder::string()
                .name("io.debezium.data.Enum")
                .version(1)
                .parameter("allowed", "a,b")
                .doc("colours"),
            14 => SchemaBuilder::int64().name("org.apache.kafka.connect.data.Timestamp").version(1),
            15 => {
                let element = self.element(depth - 1);
                SchemaBuilder::array(element)
            }
            16 => {
                let element = self.element(depth - 1);
                SchemaBuilder::map(SchemaBuilder::string().build(), element)
            }
            17 => {
                let element = self.element(depth - 1);
                SchemaBuilder::map(SchemaBuilder::int32().build(), element)
            }
            _ => self.structure(depth - 1),
        }
    }

    fn element(&mut self, depth: usize) -> Arc<Schema> {
        let optional = self.rng.bool();
        self.any(depth).optional_if(optional).build()
    }

    /// A value of the schema; null only where the schema is optional.
    pub(crate) fn value(&mut self, schema: &Schema) -> Value {
        if schema.optional() && self.rng.u8(0..3) == 0 {
            return Value::Null;
        }
        match schema.kind() {
            Kind::Boolean => Value::Bool(self.rng.bool()),
            Kind::Int8 => Value::Int(self.rng.i8(..).into()),
            Kind::Int16 => Value::Int(self.rng.i16(..).into()),
            Kind::Int32 => Value::Int(self.rng.i32(..).into()),
            Kind::Int64 => Value::Int(self.rng.i64(..) >> self.rng.u8(0..60)),
            Kind::Float32 => Value::Float((self.rng.f32() * 1e6).into()),
            Kind::Float64 => Value::Float(match self.rng.u8(0..8) {
                0 => f64::INFINITY,
                1 => 1e300,
                2 => -0.0,
                3 => 5e-324,
                _ => self.rng.f64() * 10f64.powi(self.rng.i32(-20..20)),
            }),
            Kind::String | Kind::Json => Value::Text(self.text()),
            Kind::Bytes => {
                let len = self.rng.usize(1..9);
                Value::Bytes((0..len).map(|_| self.rng.u8(..)).collect())
            }
            Kind::Struct(fields) => {
                Value::Struct(fields.iter().map(|field| self.value(&field.schema)).collect())
            }
            Kind::Array(element) => {
                let len = self.rng.usize(0..4);
                Value::List((0..len).map(|_| self.value(element)).collect())
            }
            Kind::Map(key, value) => {
                let len = self.rng.usize(0..=self.map_entries_max);
                let mut entries = Vec::new();
                for number in 0..len {
                    let key = match key.kind() {
                        Kind::String => Value::Text(format!("{}{number}", self.text())),
                        _ => Value::Int(i64::try_from(number).unwrap_or(0)),
                    };
                    entries.push((key, self.value(value)));
                }
                Value::Map(entries)
            }
        }
    }

    fn text(&mut self) -> String {
        let letters = ['a', 'Z', '"', '\\', '\n', '\u{1f}', 'é', '漢', '😀', '/', '\u{7f}', ' '];
        let len = self.rng.usize(0..12);
        (0..len).map(|_| letters[self.rng.usize(0..letters.len())]).collect()
    }
}

/// Whether Avro takes it as a default: no null and no infinity within.
fn plain(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Float(float) => float.is_finite(),
        Value::List(items) | Value::Struct(items) => items.iter().all(plain),
        Value::Map(entries) => entries.iter().all(|(key, item)| plain(key) && plain(item)),
        _ => true,
    }
}
