//! What stands where there is no value: defaults of columns, nulls of columns
//! that have none, values that were not sent.

use std::sync::Arc;

use md5::{Digest as _, Md5};
use thalweg_core::batch::{Columns, Layout};
use thalweg_core::schema::{Kind, Schema, Value};

use super::TupleValue;
use super::codec::{Codec, Exact};
use super::modes::{BinaryMode, Modes};

/// The value of a text by a codec; none if it can't be read.
fn read(text: &[u8], codec: &Codec, schema: &Arc<Schema>) -> Option<Value> {
    let mut columns = Columns::new(Layout::of(schema));
    codec.write(TupleValue::Text(text), &mut columns, Layout::ROOT).ok()?;
    columns.end_row();
    Some(columns.value(0)).filter(|value| *value != Value::Null)
}

/// What is written instead of null where null is refused.
pub(super) fn zero(codec: &Codec, schema: &Arc<Schema>) -> Value {
    read(zero_text(codec, schema).as_bytes(), codec, schema).unwrap_or(Value::Null)
}

fn zero_text(codec: &Codec, schema: &Schema) -> &'static str {
    match codec {
        Codec::Bool => "f",
        Codec::Int16
        | Codec::Int32
        | Codec::Int64
        | Codec::Oid
        | Codec::Float32
        | Codec::Float64
        | Codec::Numeric(_)
        | Codec::Money { .. }
        | Codec::Bit => "0",
        Codec::Date { .. } => "1970-01-01",
        Codec::Time(_) => "00:00:00",
        Codec::TimeTz => "00:00:00+00",
        Codec::Timestamp(_) | Codec::TimestampTz(_) => "1970-01-01 00:00:00",
        Codec::Interval { .. } => "00:00:00",
        Codec::Uuid => "00000000-0000-0000-0000-000000000000",
        Codec::Text | Codec::Versioned if schema.name() == Some("io.debezium.data.Json") => "{}",
        Codec::Point => "(0,0)",
        Codec::Array(..) => "{}",
        Codec::Bytes(_) => "\\x",
        Codec::Text
        | Codec::Char
        | Codec::TextOnly
        | Codec::Versioned
        | Codec::Bits
        | Codec::Inet
        | Codec::Mac
        | Codec::HstoreJson
        | Codec::HstoreMap
        | Codec::Raw(_) => "",
    }
}

/// The default of a column: the literal that its expression is, or, where it
/// is a call of a function, the type's zero (`now()` → 1970, `nextval(...)` →
/// 0), as Debezium has it. None for any other expression.
pub(super) fn default_value(expr: &str, codec: &Codec, schema: &Arc<Schema>) -> Option<Value> {
    match literal(expr) {
        Literal::Text(text) => read(text.as_bytes(), codec, schema),
        Literal::Function => Some(zero(codec, schema)),
        Literal::Other => None,
    }
}

enum Literal {
    Text(String),
    Function,
    Other,
}

/// Reads an expression as `pg_get_expr` prints it.
fn literal(expr: &str) -> Literal {
    let mut expr = expr.trim();
    // `(-1)`, `(5)::numeric`
    while let Some(inner) = expr.strip_prefix('(')
        && let Some((inner, cast)) = inner.rsplit_once(')')
        && is_cast(cast)
        && !inner.contains('(')
    {
        expr = inner.trim();
    }
    let quoted = expr.strip_prefix(['B', 'b']).filter(|rest| rest.starts_with('\''));
    if let Some(text) = quoted.unwrap_or(expr).strip_prefix('\'') {
        return match unquote(text) {
            Some((text, cast)) if is_cast(cast) => Literal::Text(text),
            _ => Literal::Other,
        };
    }
    let (bare, cast) = expr.split_once("::").unwrap_or((expr, ""));
    let number = bare.starts_with(|first: char| first.is_ascii_digit() || "-+.".contains(first))
        && bare.parse::<f64>().is_ok();
    if cast.contains(|c: char| "()+*/|'".contains(c)) && !is_cast(&format!("::{cast}")) {
        return Literal::Other;
    }
    match bare {
        "true" | "false" => Literal::Text(bare.to_owned()),
        "CURRENT_TIMESTAMP" | "CURRENT_DATE" | "CURRENT_TIME" | "LOCALTIMESTAMP" | "LOCALTIME" => {
            Literal::Function
        }
        _ if number => Literal::Text(bare.to_owned()),
        _ if is_call(expr) => Literal::Function,
        _ => Literal::Other,
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'')?;
        out.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => {
                out.push('\'');
                rest = after;
            }
            None => return Some((out, after)),
        }
    }
}

/// Whether a text is nothing or a cast: `::character varying(10)`.
fn is_cast(text: &str) -> bool {
    let legal = |c: char| c.is_alphanumeric() || " _\".(),[]".contains(c);
    let text = text.trim();
    text.is_empty() || text.strip_prefix("::").is_some_and(|name| name.chars().all(legal))
}

/// Whether an expression is the call of one function, and nothing around it.
fn is_call(expr: &str) -> bool {
    let name_end = expr.find('(').unwrap_or(0);
    let name = &expr[..name_end];
    let named = !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"'));
    let mut depth = 0i32;
    let mut quoted = false;
    for (at, letter) in expr.char_indices().skip_while(|(at, _)| *at < name_end) {
        match letter {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return named && !quoted && is_cast(&expr[at + 1..]);
        }
    }
    false
}

/// What is written for a value that was not sent, by type; none where Debezium
/// has no placeholder.
pub(super) fn placeholder(codec: &Codec, schema: &Arc<Schema>, modes: &Modes) -> Option<Value> {
    let bytes = placeholder_bytes(&modes.placeholder);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if let Codec::Array(element, _) = codec {
        let Kind::Array(of) = schema.kind() else { return None };
        return match (element.as_ref(), of.kind()) {
            (Codec::Uuid, _) => Some(Value::List(vec![Value::Text(name_uuid(&bytes))])),
            (Codec::Date { iso: false }, _) | (_, Kind::Int16 | Kind::Int32 | Kind::Int64)
                if matches!(
                    **element,
                    Codec::Int16 | Codec::Int32 | Codec::Int64 | Codec::Oid | Codec::Date { .. }
                ) =>
            {
                Some(Value::List(bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect()))
            }
            (_, Kind::String) => Some(Value::List(vec![Value::Text(text)])),
            (element, _) => scalar_placeholder(element, bytes, text)
                .map(|placeholder| Value::List(vec![placeholder])),
        };
    }
    scalar_placeholder(codec, bytes, text)
}

fn scalar_placeholder(codec: &Codec, bytes: Vec<u8>, text: String) -> Option<Value> {
    match codec {
        Codec::Text
        | Codec::TextOnly
        | Codec::Versioned
        | Codec::Inet
        | Codec::Numeric(Exact::Text)
        | Codec::Bytes(BinaryMode::Base64 | BinaryMode::Base64UrlSafe | BinaryMode::Hex)
        | Codec::Raw(BinaryMode::Base64 | BinaryMode::Base64UrlSafe | BinaryMode::Hex) => {
            Some(Value::Text(text))
        }
        Codec::Bytes(BinaryMode::Bytes) | Codec::Raw(BinaryMode::Bytes) => {
            Some(Value::Bytes(bytes))
        }
        Codec::HstoreJson => {
            let mut json = Vec::new();
            json.push(b'{');
            super::hstore::json_string(text.as_bytes(), &mut json);
            json.push(b':');
            super::hstore::json_string(text.as_bytes(), &mut json);
            json.push(b'}');
            Some(Value::Text(String::from_utf8_lossy(&json).into_owned()))
        }
        Codec::HstoreMap => Some(Value::Map(vec![(Value::Text(text.clone()), Value::Text(text))])),
        _ => None,
    }
}

/// The placeholder's bytes: `hex:` is followed by them in hexadecimal.
fn placeholder_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let decoded = text.strip_prefix("hex:").is_some_and(|digits| {
        super::scalar::bytea_of_text(format!("\\x{digits}").as_bytes(), &mut bytes).is_ok()
    });
    if decoded { bytes } else { text.as_bytes().to_vec() }
}

/// The uuid that Java makes of a name: its MD5 sum, marked as version 3.
fn name_uuid(name: &[u8]) -> String {
    let mut sum: [u8; 16] = Md5::digest(name).into();
    sum[6] = sum[6] & 0x0f | 0x30;
    sum[8] = sum[8] & 0x3f | 0x80;
    let mut text = Vec::with_capacity(36);
    super::scalar::uuid_text(&sum, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
