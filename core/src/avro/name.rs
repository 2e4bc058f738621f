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

/// How names that Avro forbids are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// As Debezium's name adjustment `avro` does: `_` in place of each letter.
    #[default]
    Adjusted,
    /// As Confluent's converter does with `scrub.invalid.names`: by the letter's bytes in
    /// UTF-8, so that names in other scripts stay apart.
    Scrubbed,
}

impl Names {
    /// The name of a field, or a part of a full name.
    fn change(self, name: &str) -> String {
        let first_is_digit = name.starts_with(|c: char| c.is_ascii_digit());
        let mut changed = String::with_capacity(name.len() + 1);
        match self {
            Self::Adjusted => {
                changed.extend((name.is_empty() || first_is_digit).then_some('_'));
                changed.extend(name.chars().map(|c| if is_word(c) { c } else { '_' }));
            }
            Self::Scrubbed => {
                changed.extend(first_is_digit.then_some('x'));
                for c in name.chars() {
                    match c {
                        c if is_word(c) => changed.push(c),
                        // What a form's encoding takes as it is, or for a space.
                        '.' | '-' | '*' | ' ' => changed.push('_'),
                        c => {
                            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                                changed.push_str(&format!("_{byte:02X}"));
                            }
                        }
                    }
                }
            }
        }
        changed
    }

    /// A full name.
    pub(super) fn change_full(self, name: &str) -> String {
        name.split('.').map(|part| self.change(part)).collect::<Vec<_>>().join(".")
    }
}

/// Namespace (empty if none) and name.
pub(super) fn split(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("", full))
}

/// The schema with the names of its structs and fields changed where Avro
/// forbids them; the very same schema if none is. Fails if two fields get the
/// same name.
pub fn adjusted(schema: &Arc<Schema>, names: Names) -> Result<Arc<Schema>, SchemaError> {
    if all_valid(schema) { Ok(Arc::clone(schema)) } else { change(schema, names, true) }
}

/// The same with the names of fields alone: `connect.name` keeps what a scrubbed name
/// was.
pub(super) fn with_fields(schema: &Arc<Schema>, names: Names) -> Result<Arc<Schema>, SchemaError> {
    let of_structs = names == Names::Adjusted;
    if all_valid(schema) { Ok(Arc::clone(schema)) } else { change(schema, names, of_structs) }
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

fn change(
    schema: &Arc<Schema>,
    names: Names,
    of_structs: bool,
) -> Result<Arc<Schema>, SchemaError> {
    let change = |schema| change(schema, names, of_structs);
    let kind = match schema.kind() {
        Kind::Struct(fields) => {
            let mut changed: Vec<Field> = Vec::with_capacity(fields.len());
            for field in fields {
                let name: Arc<str> = if is_valid(&field.name) {
                    Arc::clone(&field.name)
                } else {
                    names.change(&field.name).into()
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
        && of_structs
        && !is_valid_full(name)
    {
        builder = builder.name(names.change_full(name));
    }
    Ok(builder.build())
}
