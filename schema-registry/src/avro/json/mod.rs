//! JSON values as Avro needs them: object keys in the order they were written, integers
//! of any size, and the text that Java's Jackson prints for each of them.
//!
//! serde_json keeps neither integers beyond 64 bits nor Java's way with floats, and its
//! fixed nesting limit is lower than ours.

mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::{write, write_str};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(Box<str>),
    /// Values in order.
    Array(Vec<Json>),
    /// Keys and values in the order they were written; no key is there twice.
    Object(Vec<(Box<str>, Json)>),
}

/// A JSON number.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// An integer of 64 bits.
    Int(i64),
    /// A larger integer: its digits, with a sign if negative.
    Big(Box<str>),
    /// A number with a fraction or an exponent. Not finite only where a field of type
    /// float or double has such a default (`"NaN"`).
    Float(f64),
}

impl Json {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one of 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(Number::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// The number as a float, whatever its form.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            // Text is the one lossless way from i64 without a lossy cast.
            Self::Number(Number::Int(value)) => value.to_string().parse().ok(),
            Self::Number(Number::Big(digits)) => digits.parse().ok(),
            Self::Number(Number::Float(value)) => Some(*value),
            _ => None,
        }
    }

    /// The items, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The keys and values in order, if it is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(Box<str>, Json)]> {
        match self {
            Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if it is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        let entries = self.as_object()?;
        entries.iter().find(|(name, _)| **name == *key).map(|(_, value)| value)
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl std::fmt::Display for Json {
    /// The compact text that Java's Jackson prints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        write(self, &mut text);
        f.write_str(&text)
    }
}
