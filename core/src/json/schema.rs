//! Schemas in the JSON form that `JsonConverter` puts before each payload.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Options, encode, write};
use crate::batch::Columns;
use crate::codec::{DEPTH_MAX, SchemaError};
use crate::schema::{Kind, Schema, SchemaBuilder};

/// The JSON form of a schema.
pub fn schema_json(schema: &Arc<Schema>, options: &Options) -> Result<String, SchemaError> {
    let mut out = Vec::new();
    write_schema(schema, None, options, 0, &mut out)?;
    String::from_utf8(out).map_err(|_| SchemaError::new("a default is not UTF-8"))
}

fn write_schema(
    schema: &Arc<Schema>,
    field: Option<&str>,
    options: &Options,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), SchemaError> {
    if depth > DEPTH_MAX {
        return Err(SchemaError::new(format!("nested deeper than {DEPTH_MAX} levels")));
    }
    let child = |name: &str, schema: &Arc<Schema>, out: &mut Vec<u8>| {
        member(name, out);
        write_schema(schema, None, options, depth + 1, out)
    };
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(type_name(schema.kind())?.as_bytes());
    out.push(b'"');
    match schema.kind() {
        Kind::Struct(fields) => {
            member("fields", out);
            out.push(b'[');
            for (number, field) in fields.iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_schema(&field.schema, Some(&field.name), options, depth + 1, out)
                    .map_err(|error| error.within(&field.name))?;
            }
            out.push(b']');
        }
        Kind::Array(element) => child("items", element, out)?,
        Kind::Map(key, value) => {
            child("keys", key, out)?;
            child("values", value, out)?;
        }
        _ => {}
    }
    member("optional", out);
    out.extend_from_slice(if schema.optional() { b"true" } else { b"false" });
    write_rest(schema, options, out)?;
    if let Some(field) = field {
        member("field", out);
        write::text(field.as_bytes(), out);
    }
    out.push(b'}');
    Ok(())
}

fn write_rest(schema: &Schema, options: &Options, out: &mut Vec<u8>) -> Result<(), SchemaError> {
    if let Some(name) = schema.name() {
        member("name", out);
        write::text(name.as_bytes(), out);
    }
    if let Some(version) = schema.version() {
        member("version", out);
        write::int(version.into(), out);
    }
    if let Some(doc) = schema.doc() {
        member("doc", out);
        write::text(doc.as_bytes(), out);
    }
    if !schema.parameters().is_empty() {
        member("parameters", out);
        for (number, (key, value)) in schema.parameters().iter().enumerate() {
            out.push(if number == 0 { b'{' } else { b',' });
            write::text(key.as_bytes(), out);
            out.push(b':');
            write::text(value.as_bytes(), out);
        }
        out.push(b'}');
    }
    if let Some(value) = schema.default_value() {
        member("default", out);
        out.extend_from_slice(&encode::ready_made(schema, value, options)?);
    }
    Ok(())
}

fn member(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    write::text(name.as_bytes(), out);
    out.push(b':');
}

fn type_name(kind: &Kind) -> Result<&'static str, SchemaError> {
    match kind {
        Kind::Json => Err(SchemaError::new("a value without a schema can't stand within one")),
        kind => Ok(kind.name()),
    }
}

/// The schema of a JSON form; none if it is `null`.
pub fn from_json(text: &str) -> Result<Option<Arc<Schema>>, SchemaError> {
    let json: Json = serde_json::from_str(text)
        .map_err(|error| SchemaError::new(format!("the schema is not JSON: {error}")))?;
    if json.is_null() { Ok(None) } else { read_schema(&json).map(Some) }
}

/// Depth is bounded by the JSON parser's own limit (invariant 7).
fn read_schema(json: &Json) -> Result<Arc<Schema>, SchemaError> {
    let missing = |what: &str| SchemaError::new(format!("the schema has no valid \"{what}\""));
    let child = |of: &str| read_schema(json.get(of).ok_or_else(|| missing(of))?);
    let kind = match json.get("type").and_then(Json::as_str).ok_or_else(|| missing("type"))? {
        "boolean" => Kind::Boolean,
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "float" => Kind::Float32,
        "double" => Kind::Float64,
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "array" => Kind::Array(child("items")?),
        "map" => Kind::Map(child("keys")?, child("values")?),
        "struct" => {
            let fields = json.get("fields").and_then(Json::as_array);
            let mut read = SchemaBuilder::structure();
            let mut names = std::collections::HashSet::new();
            for field in fields.ok_or_else(|| missing("fields"))? {
                let name = field.get("field").and_then(Json::as_str);
                let name = name.ok_or_else(|| missing("field"))?;
                if !names.insert(name) {
                    return Err(SchemaError::new(format!("the field {name} is there twice")));
                }
                let schema = read_schema(field).map_err(|error| error.within(name))?;
                read = read.field(name, schema);
            }
            read.build().kind().clone()
        }
        other => return Err(SchemaError::new(format!("there is no schema type {other}"))),
    };
    read_rest(json, SchemaBuilder::of(kind))
}

fn read_rest(json: &Json, mut builder: SchemaBuilder) -> Result<Arc<Schema>, SchemaError> {
    let bad = |what: &str| SchemaError::new(format!("the schema's \"{what}\" is not valid"));
    builder = match json.get("optional") {
        None | Some(Json::Null) => builder,
        Some(optional) => builder.optional_if(optional.as_bool().ok_or_else(|| bad("optional"))?),
    };
    let text = |of: &str| match json.get(of) {
        None | Some(Json::Null) => Ok(None),
        Some(text) => text.as_str().map(Some).ok_or_else(|| bad(of)),
    };
    if let Some(name) = text("name")? {
        builder = builder.name(name);
    }
    if let Some(doc) = text("doc")? {
        builder = builder.doc(doc);
    }
    if let Some(version) = json.get("version").filter(|version| !version.is_null()) {
        let version = version.as_i64().and_then(|version| i32::try_from(version).ok());
        builder = builder.version(version.ok_or_else(|| bad("version"))?);
    }
    if let Some(parameters) = json.get("parameters").filter(|map| !map.is_null()) {
        for (key, value) in parameters.as_object().ok_or_else(|| bad("parameters"))? {
            let value = value.as_str().ok_or_else(|| bad("parameters"))?;
            builder = builder.parameter(key.as_str(), value);
        }
    }
    match json.get("default").filter(|default| !default.is_null()) {
        None => Ok(builder.build()),
        Some(default) => {
            let schema = builder.build();
            let value = read_default(&schema, default).ok_or_else(|| bad("default"))?;
            Ok(SchemaBuilder::from_schema(&schema).default_value(value).build())
        }
    }
}

fn read_default(schema: &Arc<Schema>, json: &Json) -> Option<crate::schema::Value> {
    let decoder = super::Decoder::new(schema, &Options::default()).ok()?;
    let mut row = Columns::new(Arc::clone(decoder.layout()));
    decoder.decode(json.to_string().as_bytes(), &mut row).ok()?;
    Some(row.value(0))
}
