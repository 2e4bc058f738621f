//! Reading one value.

use std::fmt;
use std::time::Duration;

use super::{ConfigType, MASK, Secret};

/// A type that a key can have.
pub trait ConfigValue: Clone {
    /// Kafka's type of it.
    const KIND: ConfigType;

    /// Reads a posted text. The error says what is expected, without the value.
    fn parse(text: &str) -> Result<Self, String>;

    /// How it would be posted; a secret gives its mask.
    fn print(&self) -> String;

    /// What stands in for a value that is missing or wrong, so that reading can
    /// go on to the other problems. It never gets past `Declare::finish`.
    fn placeholder() -> Self;
}

/// A duration posted in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// As a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl ConfigValue for String {
    const KIND: ConfigType = ConfigType::String;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn print(&self) -> String {
        self.clone()
    }

    fn placeholder() -> Self {
        Self::new()
    }
}

impl ConfigValue for Secret {
    const KIND: ConfigType = ConfigType::Password;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }

    fn print(&self) -> String {
        MASK.to_owned()
    }

    fn placeholder() -> Self {
        Self::default()
    }
}

impl ConfigValue for bool {
    const KIND: ConfigType = ConfigType::Boolean;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err("Expected value to be either true or false".to_owned()),
        }
    }

    fn print(&self) -> String {
        self.to_string()
    }

    fn placeholder() -> Self {
        false
    }
}

macro_rules! numbers {
    ($($type:ty, $kind:ident, $expected:literal;)*) => {
        $(impl ConfigValue for $type {
            const KIND: ConfigType = ConfigType::$kind;

            fn parse(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| $expected.to_owned())
            }

            fn print(&self) -> String {
                self.to_string()
            }

            fn placeholder() -> Self {
                Self::default()
            }
        })*
    };
}

numbers! {
    i32, Int, "Not a number of type INT";
    i64, Long, "Not a number of type LONG";
    f64, Double, "Not a number of type DOUBLE";
}

impl ConfigValue for Millis {
    const KIND: ConfigType = ConfigType::Long;

    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map(Self).map_err(|_| "expected milliseconds, 0 or more".to_owned())
    }

    fn print(&self) -> String {
        self.to_string()
    }

    fn placeholder() -> Self {
        Self(0)
    }
}

impl ConfigValue for Vec<String> {
    const KIND: ConfigType = ConfigType::List;

    fn parse(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Ok(items.map(str::to_owned).collect())
    }

    fn print(&self) -> String {
        self.join(",")
    }

    fn placeholder() -> Self {
        Self::new()
    }
}
