//! Names that Avro allows: letters, digits and `_`, no digit first; dots
//! between the parts of a full name.

use std::sync::Arc;

use crate::codec::SchemaError;
use crate::schema::{Field, Kind, Schema, SchemaBuilder};

/// Whether Avro allows it as the name of a field.
pub(super) fn is_valid(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_word)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_valid_full(name: &str) -> bool {
    name.split('.').all(is_valid)
}

/// A field's name as Debezium's `avro` adjustment makes it.
fn adjust(name: &str) -> String {
    let first_is_digit = name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit());
    let words = name.chars().map(|c| if is_word(c) { c } else { '_' });
    first_is_digit.then_some('_').into_iter().chain(words).collect()
}

fn adjust_full(name: &str) -> String {
    name.split('.').map(adjust).collect::<Vec<_>>().join(".")
}

/// Namespace (empty if none) and name.
pub(super) fn split(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("", full))
}

/// The schema with the names of its structs and fields changed where Avro
/// forbids them, as Debezium's name adjustment `avro` does; the very same
/// schema if none is. Fails if two fields get the same name.
pub fn adjusted(schema: &Arc<Schema>) -> Result<Arc<Schema>, SchemaError> {
    if all_valid(schema) { Ok(Arc::clone(schema)) } else { change(schema) }
}

fn all_valid(schema: &Schema) -> bool {
    match schema.kind() {
        Kind::Struct(fields) => {
            schema.name().is_none_or(is_valid_full)
                && fields.iter().all(|field| is_valid(&field.name) && all_valid(&field.schema))
        }
        Kind::Array(element) => all_valid(element),
        Kind::Map(key, value) => all_valid(key) && all_valid(value),
        _ => true,
    }
}

fn change(schema: &Arc<Schema>) -> Result<Arc<Schema>, SchemaError> {
    let kind = match schema.kind() {
        Kind::Struct(fields) => {
            let mut changed: Vec<Field> = Vec::with_capacity(fields.len());
            for field in fields {
                let name: Arc<str> = if is_valid(&field.name) {
                    Arc::clone(&field.name)
                } else {
                    adjust(&field.name).into()
                };
                if changed.iter().any(|other| other.name == name) {
                    return Err(SchemaError::new(format!(
                        "two fields would be named {name} in Avro: rename the column {}",
                        field.name
                    )));
                }
                let schema = change(&field.schema).map_err(|error| error.within(&field.name))?;
                changed.push(Field { name, schema });
            }
            Kind::Struct(changed)
        }
        Kind::Array(element) => Kind::Array(change(element)?),
        Kind::Map(key, value) => Kind::Map(change(key)?, change(value)?),
        other => other.clone(),
    };
    let mut builder = SchemaBuilder::from_schema(schema).kind(kind);
    if let (Kind::Struct(_), Some(name)) = (schema.kind(), schema.name())
        && !is_valid_full(name)
    {
        builder = builder.name(adjust_full(name));
    }
    Ok(builder.build())
}
