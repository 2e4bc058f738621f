//! What is known of a key, in the words of Connect's `validate` answer.

/// The type of a value, by Kafka's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// 64-bit float.
    Double,
    /// Comma-separated texts.
    List,
    /// The name of a class.
    Class,
    /// A secret text.
    Password,
}

impl ConfigType {
    /// Kafka's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}

/// How much a key matters to most people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Look at it first.
    High,
    /// Look at it when tuning.
    Medium,
    /// Leave it alone.
    Low,
}

impl Importance {
    /// Kafka's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        }
    }
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub kind: ConfigType,
    /// Whether there must be one.
    pub required: bool,
    /// Its default, as it would be posted.
    pub default: Option<String>,
    /// How much it matters.
    pub importance: Importance,
    /// What it does.
    pub documentation: String,
    /// The heading it stands under.
    pub group: &'static str,
    /// Values that make sense; all of them if it is a choice.
    pub recommended: Vec<String>,
    /// What Thalweg does with its value.
    pub support: Support,
}

/// What Thalweg does with a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Acts on it.
    Full,
    /// Refuses any but the default, since another would change data
    /// (invariant 5).
    Refused,
    /// Nothing; a person who sets it is told.
    Ignored,
}

/// Keys that share a beginning and are not named one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The beginning.
    pub prefix: String,
    /// What Thalweg does with their values.
    pub support: Support,
}
