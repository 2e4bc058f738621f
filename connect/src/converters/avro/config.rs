//! The keys of `AvroConverter`.

use std::sync::Arc;

use thalweg_core::avro::{Names, Options};
use thalweg_core::config::Declare;

use super::{AvroConverter, AvroSettings, SchemaStore, SubjectStrategy};
use crate::converters::{IncompatibleAction, Purpose, Side};

/// Declares the keys below `key.converter.` or `value.converter.`.
pub(in crate::converters) fn declare(
    side: Side,
    purpose: Purpose,
    keys: &mut Declare<'_>,
    store: &Arc<dyn SchemaStore>,
    is_own_registry: &dyn Fn(&str) -> bool,
) -> AvroConverter {
    let prefix = format!("{}.converter", side.name());
    let name = |key: &str| format!("{prefix}.{key}");
    declare_registry(&name("schema.registry.url"), keys, is_own_registry);
    let register = keys
        .flag(
            &name("auto.register.schemas"),
            "Whether a new schema is registered by itself, or must be registered already.",
        )
        .default(true);
    let strategy = format!("{}.subject.name.strategy", side.name());
    let subjects = keys
        .choice(&name(&strategy), "How the subjects of the schemas are named.")
        .default(SubjectStrategy::Topic);
    let metadata = keys
        .flag(
            &name("connect.meta.data"),
            "Whether the attributes connect.name, connect.version and the like are written.",
        )
        .default(true);
    let keep_nulls = keys
        .flag(
            &name("ignore.default.for.nullables"),
            "Whether null stays null in an optional field that has a default.",
        )
        .default(false);
    for (key, doc) in [
        ("enhanced.avro.schema.support", "Keep Avro enums, and full names of union branches."),
        ("generalized.sum.type.support", "Unions and enums in the general form."),
        ("discard.type.doc.default", "Take doc and default from the field."),
        ("flatten.unions", "Read unions as optional fields."),
        ("normalize.schemas", "Normalize schemas before they are registered."),
    ] {
        keys.refuse(&name(key), "false", doc);
    }
    keys.refuse(&name("use.schema.id"), "-1", "Write with the schema of this id.");
    let names = declare_names(&name("scrub.invalid.names"), purpose, keys);
    let newest = declare_newest(&name("use.latest.version"), purpose, keys);
    for (key, default, doc) in [
        ("schemas.cache.config", "1000", "Number of schemas kept."),
        ("flatten.singleton.unions", "true", "Read unions of one branch as that branch."),
        ("allow.optional.map.keys", "false", "Take maps whose keys may be null; always done."),
        (
            "latest.compatibility.strict",
            "true",
            "A record that the newest schema can't read is an error in any case.",
        ),
        ("id.compatibility.strict", "true", "Checks of use.schema.id."),
        ("max.schemas.per.subject", "1000", "Number of schemas kept."),
    ] {
        keys.ignore(&name(key), default, doc);
    }
    keys.ignore_prefix(&name("schema.registry.ssl."));
    keys.ignore_prefix(&name("basic.auth."));
    keys.ignore_prefix(&name("bearer.auth."));
    AvroConverter::new(
        side,
        Arc::clone(store),
        AvroSettings {
            register,
            subjects,
            incompatible: match purpose {
                Purpose::Write(action) => action,
                Purpose::Read => IncompatibleAction::Pause,
            },
            newest,
            options: Options { metadata, keep_nulls, names, ..Options::default() },
        },
    )
}

/// What becomes of names that Avro forbids. A sink reads them as they were written.
fn declare_names(key: &str, purpose: Purpose, keys: &mut Declare<'_>) -> Names {
    if let Purpose::Read = purpose {
        keys.ignore(key, "false", "Change names that Avro forbids; a sink writes none.");
        return Names::default();
    }
    let scrubs = keys
        .flag(
            key,
            "Whether names that Avro forbids are changed as Confluent's converter changes them \
             (1digit to x1digit, ü to _C3_BC) instead of as schema.name.adjustment.mode=avro does \
             (_1digit, _). They are changed in any case.",
        )
        .default(false);
    if scrubs { Names::Scrubbed } else { Names::Adjusted }
}

/// Whether a sink reads with the newest schema.
fn declare_newest(key: &str, purpose: Purpose, keys: &mut Declare<'_>) -> bool {
    if let Purpose::Write(_) = purpose {
        keys.refuse(key, "false", "Write with the subject's newest schema.");
        return false;
    }
    keys.flag(
        key,
        "Whether records are read with the newest schema of their subject instead of the one that \
         they were written with. A version that is registered later counts from the record on that \
         is read next; after a restart, from the end that the topic had then.",
    )
    .default(false)
}

fn declare_registry(key: &str, keys: &mut Declare<'_>, is_own_registry: &dyn Fn(&str) -> bool) {
    let urls = keys
        .list(
            key,
            "Address of the schema registry. None: the registry of this process. An address is \
             taken if it is this process' own, or listed in the setting registry.aliases.",
        )
        .default(Vec::new());
    if let Some(other) = urls.iter().find(|url| !is_own_registry(url)) {
        keys.problem(
            key,
            format!(
                "{other} is not the registry of this process, and other registries are not \
                 supported yet: remove {key}, or list the address in the setting \
                 registry.aliases if it means this process"
            ),
        );
    }
}
