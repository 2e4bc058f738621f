//! The Parsing Canonical Form and its fingerprint: what tells whether two schemas read
//! the same bytes the same way. Not what the registry tells schemas apart by.

use std::collections::HashSet;

use super::model::{Schema, Shape};

impl Schema {
    /// The Parsing Canonical Form of the Avro specification.
    #[must_use]
    pub fn canonical_form(&self) -> String {
        let mut out = String::new();
        let mut known = HashSet::new();
        write(self, self.root, &mut known, &mut out);
        out
    }
}

/// The CRC-64-AVRO fingerprint of the Parsing Canonical Form.
#[must_use]
pub fn fingerprint64(schema: &Schema) -> u64 {
    crc64_avro(schema.canonical_form().as_bytes())
}

/// The Rabin fingerprint of the Avro specification. It is bitwise: schemas are short,
/// and nothing asks for one per record.
#[must_use]
pub fn crc64_avro(bytes: &[u8]) -> u64 {
    const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
    bytes.iter().fold(EMPTY, |crc, byte| {
        (0..8)
            .fold(crc ^ u64::from(*byte), |crc, _| (crc >> 1) ^ (EMPTY & (crc & 1).wrapping_neg()))
    })
}

fn write(schema: &Schema, index: u32, known: &mut HashSet<u32>, out: &mut String) {
    match &schema.data(index).shape {
        Shape::Primitive(kind) => quoted(kind.name(), out),
        Shape::Array(items) => {
            out.push_str("{\"type\":\"array\",\"items\":");
            write(schema, *items, known, out);
            out.push('}');
        }
        Shape::Map(values) => {
            out.push_str("{\"type\":\"map\",\"values\":");
            write(schema, *values, known, out);
            out.push('}');
        }
        Shape::Union(branches) => {
            out.push('[');
            for (place, branch) in branches.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(schema, *branch, known, out);
            }
            out.push(']');
        }
        Shape::Record(record) => {
            if begin(index, record.naming.name.full(), "record", known, out) {
                out.push_str(",\"fields\":[");
                for (place, field) in record.fields.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    out.push_str("{\"name\":");
                    quoted(&field.name, out);
                    out.push_str(",\"type\":");
                    write(schema, field.node, known, out);
                    out.push('}');
                }
                out.push_str("]}");
            }
        }
        Shape::Enum(data) => {
            if begin(index, data.naming.name.full(), "enum", known, out) {
                out.push_str(",\"symbols\":[");
                for (place, symbol) in data.symbols.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    quoted(symbol, out);
                }
                out.push_str("]}");
            }
        }
        Shape::Fixed(fixed) => {
            if begin(index, fixed.naming.name.full(), "fixed", known, out) {
                out.push_str(",\"size\":");
                out.push_str(&fixed.size.to_string());
                out.push('}');
            }
        }
        Shape::Missing => out.push_str("null"),
    }
}

/// Begins a named type, or refers to it if it is written already.
fn begin(index: u32, name: &str, kind: &str, known: &mut HashSet<u32>, out: &mut String) -> bool {
    if !known.insert(index) {
        quoted(name, out);
        return false;
    }
    out.push_str("{\"name\":");
    quoted(name, out);
    out.push_str(",\"type\":");
    quoted(kind, out);
    true
}

/// Names and symbols hold nothing that JSON escapes.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    out.push_str(text);
    out.push('"');
}
