//! The identity of a schema: a 128-bit hash of all it says.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::{Kind, Schema, Value};

/// The identity of a schema: equal for schemas that say the same, in every run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(u128);

impl SchemaId {
    pub(super) const NONE: Self = Self(0);

    /// The bare number, to be stored.
    #[must_use]
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Debug for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Hashes a schema from its own parts and the ids of its children.
pub(super) fn of(schema: &Schema) -> SchemaId {
    let mut hash = Xxh3::new();
    kind(&mut hash, &schema.kind);
    hash.update(&[u8::from(schema.optional)]);
    text(&mut hash, schema.name.as_deref());
    hash.update(&schema.version.map_or(i64::MIN, i64::from).to_le_bytes());
    text(&mut hash, schema.doc.as_deref());
    for (key, parameter) in &schema.parameters {
        text(&mut hash, Some(key));
        text(&mut hash, Some(parameter));
    }
    if let Some(default) = &schema.default {
        value(&mut hash, default);
    }
    SchemaId(hash.digest128())
}

fn text(hash: &mut Xxh3, text: Option<&str>) {
    // The length keeps neighbours apart; no text has the length u64::MAX.
    hash.update(&text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
    hash.update(text.unwrap_or_default().as_bytes());
}

fn kind(hash: &mut Xxh3, kind: &Kind) {
    let tag: u8 = match kind {
        Kind::Boolean => 0,
        Kind::Int8 => 1,
        Kind::Int16 => 2,
        Kind::Int32 => 3,
        Kind::Int64 => 4,
        Kind::Float32 => 5,
        Kind::Float64 => 6,
        Kind::String => 7,
        Kind::Bytes => 8,
        Kind::Struct(_) => 9,
        Kind::Array(_) => 10,
        Kind::Map(..) => 11,
        Kind::Json => 12,
    };
    hash.update(&[tag]);
    match kind {
        Kind::Struct(fields) => {
            hash.update(&(fields.len() as u64).to_le_bytes());
            for field in fields {
                text(hash, Some(&field.name));
                hash.update(&field.schema.id.0.to_le_bytes());
            }
        }
        Kind::Array(element) => hash.update(&element.id.0.to_le_bytes()),
        Kind::Map(key, element) => {
            hash.update(&key.id.0.to_le_bytes());
            hash.update(&element.id.0.to_le_bytes());
        }
        _ => {}
    }
}

fn value(hash: &mut Xxh3, of: &Value) {
    match of {
        Value::Null => hash.update(&[0]),
        Value::Bool(bool) => hash.update(&[1, u8::from(*bool)]),
        Value::Int(int) => {
            hash.update(&[2]);
            hash.update(&int.to_le_bytes());
        }
        Value::Float(float) => {
            hash.update(&[3]);
            hash.update(&float.to_bits().to_le_bytes());
        }
        Value::Text(content) => {
            hash.update(&[4]);
            text(hash, Some(content));
        }
        Value::Bytes(bytes) => {
            hash.update(&[5]);
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        Value::List(items) | Value::Struct(items) => {
            hash.update(&[6]);
            hash.update(&(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| value(hash, item));
        }
        Value::Map(entries) => {
            hash.update(&[7]);
            hash.update(&(entries.len() as u64).to_le_bytes());
            for (key, item) in entries {
                value(hash, key);
                value(hash, item);
            }
        }
        Value::Unavailable => hash.update(&[8]),
    }
}
