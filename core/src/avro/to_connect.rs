//! Avro schemas as Connect's, as `AvroData.toConnectSchema` makes them.

use std::sync::Arc;

use serde_json::Value as Json;

use super::parse::{self, Avro, AvroField, Shape};
use super::{default, words};
use crate::codec::SchemaError;
use crate::schema::{Kind, Schema, SchemaBuilder, Value};

/// The Connect schema of an Avro schema (JSON text). Schemas that Connect did
/// not make are taken too: enums become text, a union other than null + T a
/// struct `io.confluent.connect.avro.Union` with an optional field a branch.
/// Recursive types are refused.
pub fn from_json(text: &str) -> Result<Arc<Schema>, SchemaError> {
    connect(&*parse::parse(text)?)
}

/// The Connect schema of a parsed Avro schema.
pub(super) fn connect(avro: &Avro) -> Result<Arc<Schema>, SchemaError> {
    any(avro, false, None)
}

/// The only branch besides null of a union of two.
pub(super) fn nullable(branches: &[Arc<Avro>]) -> Option<(usize, &Arc<Avro>)> {
    match branches {
        [null, other] if null.is_null() && !other.is_null() => Some((1, other)),
        [other, null] if null.is_null() && !other.is_null() => Some((0, other)),
        _ => None,
    }
}

/// Key and value schema of a record that stands for a map's entry.
pub(super) fn map_entry(avro: &Avro) -> Option<(&Arc<Avro>, &Arc<Avro>)> {
    let is_entry = avro.text(words::INTERNAL_TYPE) == Some(words::MAP_ENTRY)
        || avro.name.as_deref() == Some("io.confluent.connect.avro.MapEntry");
    match &avro.shape {
        Shape::Record(fields) if is_entry => match fields.as_slice() {
            [key, value] if &*key.name == "key" && &*value.name == "value" => {
                Some((&key.schema, &value.schema))
            }
            _ => None,
        },
        _ => None,
    }
}

/// A field's default as a value of its Connect schema; none if it is null or does not fit.
pub(super) fn default_of(schema: &Schema, json: &Json) -> Option<Value> {
    default::from_json(schema, json)
}

fn any(avro: &Avro, optional: bool, field: Option<&AvroField>) -> Result<Arc<Schema>, SchemaError> {
    if let Shape::Union(branches) = &avro.shape
        && let Some((_, branch)) = nullable(branches)
    {
        return any(branch, true, field);
    }
    let mut parts = Parts { optional, ..Parts::default() };
    let kind = shape(avro, &mut parts)?;
    attributes(avro, &mut parts)?;
    let own = avro.attributes.get("connect.default");
    let given = field.and_then(|field| field.default.as_ref()).filter(|default| !default.is_null());
    if given.is_some() && own.is_none() {
        parts.set(words::FIELD_DEFAULT, "true".to_owned());
    }
    build(kind, parts, avro.text("connect.doc"), given.or(own))
}

/// What a type says beside its kind.
#[derive(Default)]
struct Parts {
    optional: bool,
    name: Option<String>,
    version: Option<i32>,
    parameters: Vec<(String, String)>,
}

impl Parts {
    /// Sets a parameter, or changes it where it stands.
    fn set(&mut self, key: &str, value: String) {
        match self.parameters.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.parameters.push((key.to_owned(), value)),
        }
    }

    fn logical(&mut self, name: &str) {
        self.name = Some(name.to_owned());
        self.version = Some(1);
    }
}

fn shape(avro: &Avro, parts: &mut Parts) -> Result<Kind, SchemaError> {
    Ok(match &avro.shape {
        Shape::Null => {
            return Err(SchemaError::new("Connect has no type for Avro's null alone"));
        }
        Shape::Boolean => Kind::Boolean,
        Shape::Int => int(avro, parts)?,
        Shape::Long => {
            if logical_type(avro, "timestamp-millis") {
                parts.logical(words::TIMESTAMP);
            }
            Kind::Int64
        }
        Shape::Float => Kind::Float32,
        Shape::Double => Kind::Float64,
        Shape::String => Kind::String,
        Shape::Bytes => bytes(avro, parts)?,
        Shape::Fixed(size) => {
            let kind = bytes(avro, parts)?;
            parts.set(words::FIXED_SIZE, size.to_string());
            kind
        }
        Shape::Enum(symbols) => enumeration(avro, symbols, parts),
        Shape::Array(element) => match map_entry(element) {
            Some((key, value)) => Kind::Map(any(key, false, None)?, any(value, false, None)?),
            None => Kind::Array(any(element, false, None)?),
        },
        Shape::Map(value) => Kind::Map(SchemaBuilder::string().build(), any(value, false, None)?),
        Shape::Record(fields) => {
            let mut read = SchemaBuilder::structure();
            if let Some(doc) = &avro.doc {
                parts.set(words::RECORD_DOC, doc.clone());
            }
            for field in fields {
                if let Some(doc) = &field.doc {
                    parts.set(&format!("{}{}", words::FIELD_DOC, field.name), doc.clone());
                }
                let schema = any(&field.schema, false, Some(field));
                let schema = schema.map_err(|error| error.within(&field.name))?;
                read = read.field(Arc::clone(&field.name), schema);
            }
            read.build().kind().clone()
        }
        Shape::Union(branches) => union(branches, parts)?,
    })
}

fn logical_type(avro: &Avro, name: &str) -> bool {
    avro.text("logicalType").is_some_and(|logical| logical.eq_ignore_ascii_case(name))
}

fn int(avro: &Avro, parts: &mut Parts) -> Result<Kind, SchemaError> {
    if logical_type(avro, "date") {
        parts.logical(words::DATE);
    } else if logical_type(avro, "time-millis") {
        parts.logical(words::TIME);
    }
    match avro.text("connect.type") {
        None => Ok(Kind::Int32),
        Some("int8") => Ok(Kind::Int8),
        Some("int16") => Ok(Kind::Int16),
        Some(other) => {
            Err(SchemaError::new(format!("an Avro int can't be of connect.type {other}")))
        }
    }
}

fn bytes(avro: &Avro, parts: &mut Parts) -> Result<Kind, SchemaError> {
    if logical_type(avro, "decimal") {
        let number = |key: &str| avro.attributes.get(key).map(Json::as_i64);
        let bad = || SchemaError::new("an Avro decimal has no valid scale and precision");
        let scale = number("scale").unwrap_or(Some(0)).ok_or_else(bad)?;
        let default = Some(words::PRECISION_DEFAULT);
        let precision = number("precision").unwrap_or(default).ok_or_else(bad)?;
        if i32::try_from(scale).is_err() {
            return Err(bad());
        }
        parts.logical(words::DECIMAL);
        parts.set(words::SCALE, scale.to_string());
        if precision != words::PRECISION_DEFAULT {
            parts.set(words::PRECISION, precision.to_string());
        }
    }
    Ok(Kind::Bytes)
}

fn enumeration(avro: &Avro, symbols: &[Arc<str>], parts: &mut Parts) -> Kind {
    let full = avro.name.as_deref().unwrap_or_default();
    let short = super::name::split(full).1;
    if let Some(doc) = &avro.doc {
        parts.set(&format!("{}{short}", words::ENUM_DOC), doc.clone());
    }
    if let Some(default) = avro.text("default") {
        parts.set(&format!("{}{short}", words::ENUM_DEFAULT), default.to_owned());
    }
    parts.set(words::ENUM, full.to_owned());
    for symbol in symbols {
        parts.set(&format!("{}.{symbol}", words::ENUM), symbol.to_string());
    }
    Kind::String
}

fn union(branches: &[Arc<Avro>], parts: &mut Parts) -> Result<Kind, SchemaError> {
    let mut fields = SchemaBuilder::structure();
    let mut names: Vec<&str> = Vec::new();
    for branch in branches {
        if branch.is_null() {
            parts.optional = true;
            continue;
        }
        let name = branch_name(branch);
        if names.contains(&name) {
            return Err(SchemaError::new(format!(
                "two branches of the Avro union are named {name}: Connect can't tell them apart"
            )));
        }
        names.push(name);
        let schema = any(branch, true, None).map_err(|error| error.within(name))?;
        fields = fields.field(name, schema);
    }
    parts.name = Some(words::UNION.to_owned());
    Ok(fields.build().kind().clone())
}

fn branch_name(branch: &Avro) -> &str {
    match &branch.name {
        Some(full) => super::name::split(full).1,
        None => branch.kind(),
    }
}

fn attributes(avro: &Avro, parts: &mut Parts) -> Result<(), SchemaError> {
    if let Some(version) = avro.attributes.get("connect.version") {
        let version = version.as_i64().and_then(|version| i32::try_from(version).ok());
        let bad = || SchemaError::new("connect.version is not a whole number of 32 bits");
        parts.version = Some(version.ok_or_else(bad)?);
    }
    if let Some(parameters) = avro.attributes.get("connect.parameters") {
        let bad = || SchemaError::new("connect.parameters is not an object of texts");
        for (key, value) in parameters.as_object().ok_or_else(bad)? {
            parts.set(key, value.as_str().ok_or_else(bad)?.to_owned());
        }
    }
    for (key, value) in avro.attributes.iter().filter(|(key, _)| key.starts_with("avro")) {
        parts.set(key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    if let Some(name) = avro.text("connect.name") {
        parts.name = Some(name.to_owned());
    } else if parts.name.is_none()
        && let Some(full) = &avro.name
    {
        let unnamed = full
            .strip_prefix("io.confluent.connect.avro.ConnectDefault")
            .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        parts.name = (!unnamed).then(|| full.clone());
    }
    Ok(())
}

fn build(
    kind: Kind,
    parts: Parts,
    doc: Option<&str>,
    default: Option<&Json>,
) -> Result<Arc<Schema>, SchemaError> {
    let mut builder = SchemaBuilder::of(kind).optional_if(parts.optional);
    if let Some(name) = parts.name {
        builder = builder.name(name);
    }
    if let Some(version) = parts.version {
        builder = builder.version(version);
    }
    if let Some(doc) = doc {
        builder = builder.doc(doc);
    }
    for (key, value) in parts.parameters {
        builder = builder.parameter(key, value);
    }
    match default.filter(|default| !default.is_null()) {
        None => Ok(builder.build()),
        Some(json) => {
            let schema = builder.build();
            let value = default::from_json(&schema, json).ok_or_else(|| {
                SchemaError::new("the default is not of the field's type (its first branch's)")
            })?;
            Ok(SchemaBuilder::from_schema(&schema).default_value(value).build())
        }
    }
}
