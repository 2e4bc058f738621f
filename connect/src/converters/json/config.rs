//! The keys of `JsonConverter`.

use thalweg_core::config::{Declare, choices};
use thalweg_core::json::{DecimalFormat, Options};

use super::{JsonConverter, JsonSettings};
use crate::converters::Side;

choices! {
    enum Decimals {
        Base64 = "BASE64",
        Numeric = "NUMERIC",
    }
}

/// Declares the keys below `key.converter.` or `value.converter.`.
pub(in crate::converters) fn declare(side: Side, keys: &mut Declare<'_>) -> JsonConverter {
    let name = |key: &str| format!("{}.converter.{key}", side.name());
    let schemas = keys
        .flag(
            &name("schemas.enable"),
            "Whether each record carries its schema: {\"schema\": ..., \"payload\": ...}.",
        )
        .default(true);
    let decimals = keys
        .choice(
            &name("decimal.format"),
            "How decimals are written: the unscaled number's bytes in base64, or as numbers.",
        )
        .default(Decimals::Base64);
    let nulls_to_defaults = keys
        .flag(
            &name("replace.null.with.default"),
            "Whether null in a field that has a default is replaced by the default.",
        )
        .default(true);
    keys.refuse(&name("schema.content"), "", "A schema for records that carry none.");
    keys.ignore(&name("schemas.cache.size"), "1000", "Number of schemas kept.");
    let decimals = match decimals {
        Decimals::Base64 => DecimalFormat::Base64,
        Decimals::Numeric => DecimalFormat::Numeric,
    };
    let options = Options { decimals, nulls_to_defaults, ..Options::default() };
    JsonConverter::new(JsonSettings { schemas, options })
}
