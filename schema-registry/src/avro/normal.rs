//! The normalized text: one text for schemas that differ only in what does not matter,
//! as Confluent's `normalize` makes it. Attributes and aliases are sorted, those of a
//! known logical type come first, empty docs are dropped, defaults are written as their
//! type writes them.

use std::cmp::Ordering;

use super::Node;
use super::json::{Json, Number};
use super::model::{Kind, Props};
use super::name::Name;

/// Most values that are looked at in one default; a larger one stays as it is written.
const DEFAULT_STEPS_MAX: u32 = 100_000;

/// The attributes of a type or field in the order of the normalized text.
pub(super) fn props<'a>(node: Option<Node<'_>>, props: &'a Props) -> Vec<(&'a str, Json)> {
    let mut sorted: Vec<(&str, Json)> =
        props.iter().map(|(name, value)| (&**name, ordered(value))).collect();
    let first = node.map_or(&[][..], logical_attributes);
    sorted.sort_by(|(a, _), (b, _)| {
        let place = |name: &str| first.iter().position(|known| *known == name);
        match (place(a), place(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => utf16(a, b),
        }
    });
    sorted
}

/// Aliases of a named type in the order of the normalized text.
pub(super) fn aliases(aliases: &[Name]) -> Vec<&Name> {
    let mut sorted: Vec<&Name> = aliases.iter().collect();
    sorted.sort_by(|a, b| utf16(a.full(), b.full()));
    sorted
}

/// Aliases of a field in the order of the normalized text.
pub(super) fn field_aliases(aliases: &[Box<str>]) -> Vec<&str> {
    let mut sorted: Vec<&str> = aliases.iter().map(AsRef::as_ref).collect();
    sorted.sort_by(|a, b| utf16(a, b));
    sorted
}

/// A field's default as its type writes it.
pub(super) fn default(node: Node<'_>, value: &Json) -> Json {
    let mut steps = 0;
    typed(node, value, &mut steps).unwrap_or_else(|| value.clone())
}

/// Java orders texts by their UTF-16 units.
fn utf16(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// The same value with the keys of its objects in order.
fn ordered(value: &Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.iter().map(ordered).collect()),
        Json::Object(entries) => {
            object(entries.iter().map(|(key, value)| (key.clone(), ordered(value))).collect())
        }
        other => other.clone(),
    }
}

fn object(mut entries: Vec<(Box<str>, Json)>) -> Json {
    entries.sort_by(|(a, _), (b, _)| utf16(a, b));
    Json::Object(entries)
}

/// `None` where it is too large.
fn typed(node: Node<'_>, value: &Json, steps: &mut u32) -> Option<Json> {
    *steps += 1;
    if *steps > DEFAULT_STEPS_MAX {
        return None;
    }
    // Java reads the default of a union as one of its first branch.
    let node = node.branches().next().unwrap_or(node);
    Some(match (node.kind(), value) {
        (Kind::Double, Json::Number(number)) => double(number),
        (Kind::Float, Json::Number(number)) => float(number),
        (Kind::Array, Json::Array(items)) => {
            let inner = node.items()?;
            let items = items.iter().map(|item| typed(inner, item, steps));
            Json::Array(items.collect::<Option<_>>()?)
        }
        (Kind::Map, Json::Object(entries)) => {
            let inner = node.values()?;
            let entries =
                entries.iter().map(|(key, value)| Some((key.clone(), typed(inner, value, steps)?)));
            object(entries.collect::<Option<_>>()?)
        }
        (Kind::Record, Json::Object(entries)) => {
            let entries = entries.iter().map(|(key, value)| {
                let value = match node.field(key) {
                    Some(field) => typed(field.schema(), value, steps)?,
                    None => ordered(value),
                };
                Some((key.clone(), value))
            });
            object(entries.collect::<Option<_>>()?)
        }
        (_, other) => ordered(other),
    })
}

fn double(number: &Number) -> Json {
    let value = Json::Number(number.clone()).as_f64().unwrap_or(f64::NAN);
    Json::Number(Number::Float(value))
}

/// A float's shortest text, which can have fewer digits than were written.
fn float(number: &Number) -> Json {
    let value = Json::Number(number.clone()).as_f64().unwrap_or(f64::NAN);
    let narrow: f32 = value.to_string().parse().unwrap_or(f32::NAN);
    let shortest = narrow.to_string().parse().unwrap_or(f64::NAN);
    Json::Number(Number::Float(shortest))
}

/// The attributes that belong to the logical type of a primitive or fixed type, if it is
/// one that Java knows and that is valid there.
fn logical_attributes(node: Node<'_>) -> &'static [&'static str] {
    const ONE: &[&str] = &["logicalType"];
    let is_known = match (node.logical_type().unwrap_or_default(), node.kind()) {
        ("decimal", Kind::Bytes | Kind::Fixed) => return decimal_attributes(node),
        ("big-decimal", Kind::Bytes)
        | ("uuid", Kind::String)
        | ("date" | "time-millis", Kind::Int)
        | (
            "time-micros"
            | "timestamp-millis"
            | "timestamp-micros"
            | "timestamp-nanos"
            | "local-timestamp-millis"
            | "local-timestamp-micros"
            | "local-timestamp-nanos",
            Kind::Long,
        ) => true,
        ("uuid", Kind::Fixed) => node.size() == Some(16),
        ("duration", Kind::Fixed) => node.size() == Some(12),
        _ => false,
    };
    if is_known { ONE } else { &[] }
}

fn decimal_attributes(node: Node<'_>) -> &'static [&'static str] {
    let number = |name| node.prop(name).and_then(Json::as_i64);
    let Some(precision) = number("precision").filter(|precision| *precision > 0) else {
        return &[];
    };
    let scale = match node.prop("scale") {
        None => 0,
        Some(scale) => scale.as_i64().unwrap_or(-1),
    };
    // Digits that a two's complement of so many bytes holds in any case.
    let holds = node.size().is_none_or(|size| {
        let bits = i64::from(size).saturating_mul(8) - 1;
        precision <= bits.max(0).saturating_mul(30_103) / 100_000
    });
    match scale {
        _ if scale < 0 || scale > precision || !holds => &[],
        0 => &["logicalType", "precision"],
        _ => &["logicalType", "precision", "scale"],
    }
}
