//! Default values in Avro schemas: as JSON, and back.

use serde_json::{Number, Value as Json};

use super::from_connect::{is_avro_map, is_union};
use crate::schema::{Kind, Schema, Value};

/// A default as Avro writes it in JSON: bytes as text of their Latin-1 letters.
pub(super) fn to_json(schema: &Schema, value: &Value) -> Json {
    match value {
        Value::Null | Value::Unavailable => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) => float_json(schema, *float),
        Value::Text(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => Json::String(bytes.iter().copied().map(char::from).collect()),
        Value::List(items) => match schema.kind() {
            Kind::Array(element) => items.iter().map(|item| to_json(element, item)).collect(),
            _ => Json::Null,
        },
        Value::Map(entries) => map_json(schema, entries),
        // The default of a union is the value of its branch, as it is.
        Value::Struct(values) if is_union(schema) => {
            let mut there = schema.fields().iter().zip(values).filter(|(_, v)| **v != Value::Null);
            there.next().map_or(Json::Null, |(field, value)| to_json(&field.schema, value))
        }
        Value::Struct(values) => {
            let fields = schema.fields().iter().zip(values);
            let of = |(field, value): (&crate::schema::Field, &Value)| {
                (field.name.to_string(), to_json(&field.schema, value))
            };
            Json::Object(fields.map(of).collect())
        }
    }
}

fn float_json(schema: &Schema, float: f64) -> Json {
    // The shortest digits of 32 bits, of two equally near ones those of Java.
    #[allow(clippy::cast_possible_truncation, reason = "it was a 32-bit float")]
    let shortest = match schema.kind() {
        Kind::Float32 => ryu::Buffer::new().format(float as f32).parse().unwrap_or(float),
        _ => float,
    };
    Number::from_f64(shortest).map_or_else(|| Json::String(special(float).to_owned()), Json::Number)
}

fn special(float: f64) -> &'static str {
    if float.is_nan() {
        "NaN"
    } else if float > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn map_json(schema: &Schema, entries: &[(Value, Value)]) -> Json {
    let Kind::Map(key, value) = schema.kind() else { return Json::Null };
    if is_avro_map(key) {
        let pairs = entries.iter().filter_map(|(name, item)| match name {
            Value::Text(name) => Some((name.clone(), to_json(value, item))),
            _ => None,
        });
        return Json::Object(pairs.collect());
    }
    entries
        .iter()
        .map(|(name, item)| Json::from(vec![to_json(key, name), to_json(value, item)]))
        .collect()
}

/// A default as that of a field, where Avro takes it: one that is no null of a
/// union's first branch, holds no NaN or infinity beside that of a float itself,
/// and no entries of maps that Avro has none for, whose pairs are no records.
pub(super) fn of_field(schema: &Schema, value: &Value) -> Option<Json> {
    let is_special = matches!(value, Value::Float(float) if !float.is_finite());
    let taken = if is_special { !schema.optional() } else { takes(schema, value) };
    taken.then(|| to_json(schema, value))
}

fn takes(schema: &Schema, value: &Value) -> bool {
    match (schema.kind(), value) {
        (_, Value::Float(float)) => float.is_finite(),
        (Kind::Array(element), Value::List(items)) => items.iter().all(|item| takes(element, item)),
        (Kind::Map(key, of), Value::Map(entries)) => {
            entries.is_empty()
                || (is_avro_map(key) && entries.iter().all(|(_, item)| takes(of, item)))
        }
        (Kind::Struct(fields), Value::Struct(values)) => {
            fields.iter().zip(values).all(|(field, value)| takes(&field.schema, value))
        }
        _ => true,
    }
}

/// Whether no NaN and no infinity is in it, for which there is no JSON within a
/// union.
pub(super) fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(float) => float.is_finite(),
        Value::List(items) | Value::Struct(items) => items.iter().all(is_finite),
        Value::Map(entries) => entries.iter().all(|(key, item)| is_finite(key) && is_finite(item)),
        _ => true,
    }
}

/// The value of a default in JSON; none if it is null or does not fit.
pub(super) fn from_json(schema: &Schema, json: &Json) -> Option<Value> {
    match (schema.kind(), json) {
        (_, Json::Null) => None,
        (Kind::Boolean, Json::Bool(bool)) => Some(Value::Bool(*bool)),
        (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64, Json::Number(number)) => {
            number.as_i64().map(Value::Int)
        }
        (Kind::Float64, Json::Number(number)) => number.as_f64().map(Value::Float),
        #[allow(clippy::cast_possible_truncation, reason = "the schema says 32 bits")]
        (Kind::Float32, Json::Number(number)) => {
            number.as_f64().map(|float| Value::Float(f64::from(float as f32)))
        }
        (Kind::Float32 | Kind::Float64, Json::String(text)) => match text.as_str() {
            "NaN" => Some(Value::Float(f64::NAN)),
            "Infinity" => Some(Value::Float(f64::INFINITY)),
            "-Infinity" => Some(Value::Float(f64::NEG_INFINITY)),
            _ => None,
        },
        (Kind::String | Kind::Json, Json::String(text)) => Some(Value::Text(text.clone())),
        (Kind::Bytes, Json::String(text)) => {
            let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
            bytes.map(Value::Bytes)
        }
        (Kind::Array(element), Json::Array(items)) => {
            let items = items.iter().map(|item| from_json_or_null(element, item));
            items.collect::<Option<_>>().map(Value::List)
        }
        (Kind::Map(key, value), _) => map_from_json(key, value, json),
        (Kind::Struct(_), _) => struct_from_json(schema, json),
        _ => None,
    }
}

fn from_json_or_null(schema: &Schema, json: &Json) -> Option<Value> {
    if json.is_null() && schema.optional() { Some(Value::Null) } else { from_json(schema, json) }
}

fn map_from_json(key: &Schema, value: &Schema, json: &Json) -> Option<Value> {
    let entries: Option<Vec<_>> = match json {
        Json::Object(pairs) => pairs
            .iter()
            .map(|(name, item)| Some((Value::Text(name.clone()), from_json_or_null(value, item)?)))
            .collect(),
        Json::Array(pairs) => pairs
            .iter()
            .map(|pair| {
                // Older versions wrote them as objects.
                let part = |name: &str, at: usize| pair.get(name).or_else(|| pair.get(at));
                let key = from_json_or_null(key, part("key", 0)?)?;
                Some((key, from_json_or_null(value, part("value", 1)?)?))
            })
            .collect(),
        _ => None,
    };
    entries.map(Value::Map)
}

fn struct_from_json(schema: &Schema, json: &Json) -> Option<Value> {
    if is_union(schema) {
        // A default is of the union's first branch.
        let mut fields = schema.fields().iter();
        let first = from_json(&fields.next()?.schema, json)?;
        return Some(Value::Struct(
            std::iter::once(first).chain(fields.map(|_| Value::Null)).collect(),
        ));
    }
    let object = json.as_object()?;
    let values = schema.fields().iter().map(|field| match object.get(&*field.name) {
        Some(json) => from_json_or_null(&field.schema, json),
        None => match field.schema.default_value() {
            Some(default) => Some(default.clone()),
            None => field.schema.optional().then_some(Value::Null),
        },
    });
    values.collect::<Option<_>>().map(Value::Struct)
}
