//! Incompatibilities in words: for tools that parse those of Confluent's registry, and
//! for people who want to know what to do.

use super::{Direction, Problem, Violation};

/// `{errorType:'...', description:'...', additionalInfo:'...'}`
pub(super) fn detail(violation: &Violation) -> String {
    let found = &violation.found;
    let (reader, writer) = sides(violation.direction);
    let (path, message) = (&found.path, &found.message);
    let description = match found.problem {
        Problem::FixedSizeMismatch => format!(
            "The size of FIXED type field at path '{path}' in the {reader} schema does not match \
             with the {writer} schema"
        ),
        Problem::TypeMismatch => format!(
            "The type (path '{path}') of a field in the {reader} schema does not match with the \
             {writer} schema"
        ),
        Problem::NameMismatch => {
            format!("The name of the schema has changed (path '{path}')")
        }
        Problem::MissingEnumSymbols => format!(
            "The {reader} schema is missing enum symbols '{message}' at path '{path}' in the \
             {writer} schema"
        ),
        Problem::MissingUnionBranch => format!(
            "The {reader} schema is missing a type inside a union field at path '{path}' in the \
             {writer} schema"
        ),
        Problem::ReaderFieldMissingDefaultValue => format!(
            "The field '{message}' at path '{path}' in the {reader} schema has no default value \
             and is missing in the {writer} schema"
        ),
    };
    format!(
        "{{errorType:'{}', description:'{description}', additionalInfo:'{message}'}}",
        found.problem.name()
    )
}

/// What the person who wants to register the new schema can do.
pub(super) fn advice(violation: &Violation) -> String {
    let found = &violation.found;
    let (path, message, version) = (&found.path, &found.message, violation.version);
    let new_reads = violation.direction == Direction::Backward;
    match (found.problem, new_reads) {
        (Problem::ReaderFieldMissingDefaultValue, true) => format!(
            "give field {message} ({path}) a default; if it may be absent, make its type a union \
             that begins with \"null\", with \"default\": null"
        ),
        (Problem::ReaderFieldMissingDefaultValue, false) => format!(
            "keep field {message}: version {version} has no default for it ({path} there) and \
             could not read records without it"
        ),
        (Problem::TypeMismatch, true) => format!(
            "at {path} keep the type of version {version} or one that it can be read as (int to \
             long, float or double; string to bytes and back), or {}",
            instead(path)
        ),
        (Problem::TypeMismatch, false) => format!(
            "keep a type that version {version} can read at its {path}, or {}",
            instead(path)
        ),
        (Problem::NameMismatch, _) if message.starts_with("field ") => {
            format!("take the alias that names both fields away at {path}")
        }
        (Problem::NameMismatch, true) => {
            let name = message.strip_prefix("expected: ").unwrap_or(message);
            format!("name it {name} again at {path}, or add \"aliases\": [\"{name}\"] there")
        }
        (Problem::NameMismatch, false) => {
            format!("keep the name that version {version} knows ({path} there)")
        }
        (Problem::FixedSizeMismatch, _) => format!(
            "keep the size of version {version} at {path}, or add a field of another fixed type"
        ),
        (Problem::MissingEnumSymbols, true) => format!(
            "keep the symbols {message} of version {version} at {path}, or give the enum a \
             \"default\" symbol"
        ),
        (Problem::MissingEnumSymbols, false) => format!(
            "leave the symbols {message} out: the enum of version {version} ({path} there) has no \
             \"default\" for symbols that it does not know"
        ),
        (Problem::MissingUnionBranch, true) => {
            format!("add {} to the union at {path}", found.writer)
        }
        (Problem::MissingUnionBranch, false) => format!(
            "leave {} out: the union of version {version} ({path} there) does not have it",
            found.writer
        ),
    }
}

/// What to do where a type must be another one.
fn instead(path: &str) -> &'static str {
    if path.starts_with("/fields") {
        "add a field under a new name, with a default"
    } else {
        "register it under another subject"
    }
}

fn sides(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::Backward => ("new", "old"),
        Direction::Forward => ("old", "new"),
    }
}
