//! How values are written: the handling modes.

use thalweg_core::choices;
use thalweg_core::config::Declare;

use crate::relational::NameAdjustment;

choices! {
    /// How exact numbers are written.
    pub enum DecimalMode {
        /// As Connect's Decimal.
        Precise = "precise",
        /// As 64-bit floats.
        Double = "double",
        /// As text.
        String = "string",
    }
}

choices! {
    /// How dates and times are written.
    pub enum TimeMode {
        /// By their own precision, in Debezium's types.
        Adaptive = "adaptive",
        /// As adaptive, but times always in µs.
        AdaptiveTimeMicroseconds = "adaptive_time_microseconds",
        /// In Connect's types, in ms.
        Connect = "connect",
        /// As ISO 8601 text.
        Isostring = "isostring",
        /// In µs.
        Microseconds = "microseconds",
        /// In ns.
        Nanoseconds = "nanoseconds",
    }
}

choices! {
    /// How bytes are written.
    pub enum BinaryMode {
        /// As bytes.
        Bytes = "bytes",
        /// As base64 text.
        Base64 = "base64",
        /// As base64 text of the URL-safe alphabet.
        Base64UrlSafe = "base64-url-safe",
        /// As hexadecimal text.
        Hex = "hex",
    }
}

choices! {
    /// How intervals are written.
    pub enum IntervalMode {
        /// In µs, a month being 30.4375 days.
        Numeric = "numeric",
        /// As ISO 8601 text.
        String = "string",
    }
}

choices! {
    /// How `hstore` is written.
    pub enum HstoreMode {
        /// As JSON text.
        Json = "json",
        /// As a map.
        Map = "map",
    }
}

/// How values are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes {
    /// `decimal.handling.mode`
    pub decimal: DecimalMode,
    /// `time.precision.mode`
    pub time: TimeMode,
    /// `binary.handling.mode`
    pub binary: BinaryMode,
    /// `interval.handling.mode`
    pub interval: IntervalMode,
    /// `hstore.handling.mode`
    pub hstore: HstoreMode,
    /// `money.fraction.digits`
    pub money_digits: i16,
    /// `include.unknown.datatypes`: as bytes rather than as text.
    pub include_unknown: bool,
    /// `unavailable.value.placeholder`
    pub placeholder: String,
    /// `schema.name.adjustment.mode`
    pub schema_names: NameAdjustment,
    /// `field.name.adjustment.mode`
    pub field_names: NameAdjustment,
    /// `tombstones.on.delete`
    pub tombstones: bool,
    /// `skipped.operations`
    pub skipped: Skipped,
    /// `skip.messages.without.change`
    pub skip_unchanged: bool,
}

impl Default for Modes {
    /// What is in force where the config says nothing.
    fn default() -> Self {
        declare(&mut Declare::describe())
    }
}

/// Which operations give no events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Inserts.
    pub create: bool,
    /// Updates.
    pub update: bool,
    /// Deletes.
    pub delete: bool,
    /// Truncates.
    pub truncate: bool,
}

/// Declares the handling modes.
pub fn declare(keys: &mut Declare<'_>) -> Modes {
    keys.set_group("Values");
    Modes {
        decimal: keys
            .choice("decimal.handling.mode", "How numeric and money values are written.")
            .default(DecimalMode::Precise),
        time: keys
            .choice("time.precision.mode", "How dates and times are written.")
            .default(TimeMode::Adaptive),
        binary: keys
            .choice("binary.handling.mode", "How bytes are written.")
            .default(BinaryMode::Bytes),
        interval: keys
            .choice("interval.handling.mode", "How intervals are written.")
            .default(IntervalMode::Numeric),
        hstore: keys
            .choice("hstore.handling.mode", "How hstore values are written.")
            .default(HstoreMode::Json),
        money_digits: i16::try_from(
            keys.int("money.fraction.digits", "Digits after the point of money values.")
                .range(0..=18)
                .default(2),
        )
        .unwrap_or(2),
        include_unknown: keys
            .flag(
                "include.unknown.datatypes",
                "Write values of types that are not known as bytes rather than as text.",
            )
            .default(false),
        placeholder: keys
            .text(
                "unavailable.value.placeholder",
                "What is written for an unchanged value that the server does not send (TOAST). \
                 With the prefix hex: it is read as bytes in hexadecimal.",
            )
            .default("__debezium_unavailable_value".to_owned()),
        schema_names: keys
            .choice("schema.name.adjustment.mode", "How names of schemas are made fit.")
            .default(NameAdjustment::None),
        field_names: keys
            .choice("field.name.adjustment.mode", "How names of fields are made fit.")
            .default(NameAdjustment::None),
        tombstones: keys
            .flag("tombstones.on.delete", "Write a tombstone after a delete.")
            .default(true),
        skipped: skipped(keys),
        skip_unchanged: keys
            .flag(
                "skip.messages.without.change",
                "Give no event for an update that changes none of the columns that are read. \
                 Known only with REPLICA IDENTITY FULL.",
            )
            .default(false),
    }
}

fn skipped(keys: &mut Declare<'_>) -> Skipped {
    let text = keys
        .text(
            "skipped.operations",
            "Operations that give no events: c, u, d, t (inserts, updates, deletes, truncates), \
             separated by commas, or none.",
        )
        .check(|text: &String| parse_skipped(text).map(drop))
        .default("t".to_owned());
    parse_skipped(&text).unwrap_or_default()
}

fn parse_skipped(text: &str) -> Result<Skipped, String> {
    let mut skipped = Skipped::default();
    for operation in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match operation {
            "none" => {}
            "c" | "r" => skipped.create = true,
            "u" => skipped.update = true,
            "d" => skipped.delete = true,
            "t" => skipped.truncate = true,
            other => return Err(format!("{other} is none of c, u, d, t, none")),
        }
    }
    Ok(skipped)
}
