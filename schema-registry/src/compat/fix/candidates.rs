//! Changes of a new schema that may take a violation away.

use super::super::{Direction, Problem, Violation};
use crate::avro::{Draft, Field, Json, Kind, Node, NodeId, Number, Schema};

/// Most fields of before that a new one may be under a new name.
const RENAMED_MAX: usize = 3;

/// Changes in words and as drafts, the most likely to be meant first.
pub(super) fn of(new: &Schema, old: &Schema, violation: &Violation) -> Vec<(String, Draft)> {
    let site = violation.found.site;
    let backward = violation.direction == Direction::Backward;
    let (own, other) =
        if backward { (site.reader, site.writer) } else { (site.writer, site.reader) };
    let fields = site.fields.map(
        |[reader, writer]| {
            if backward { (reader, writer) } else { (writer, reader) }
        },
    );
    let field = fields.and_then(|((record, place), (old_record, old_place))| {
        let old_field = old.node(old_record).fields().nth(old_place)?;
        Some(Held { field: new.node(record).fields().nth(place)?, at: (record, place), old_field })
    });
    let mut bench = Bench { new, found: Vec::new() };
    let (own, other) = (new.node(own), old.node(other));
    let message = violation.found.message.as_str();
    match (violation.found.problem, backward) {
        (Problem::ReaderFieldMissingDefaultValue, true) => {
            bench.missing_before(own, other, message)
        }
        (Problem::ReaderFieldMissingDefaultValue, false) => bench.missing_now(own, other, message),
        (Problem::NameMismatch, true) if message.starts_with("field ") => {
            bench.ambiguous(own, message);
        }
        (Problem::NameMismatch, _) => bench.name(own, other, backward),
        (Problem::FixedSizeMismatch, _) => bench.size(own, other),
        (Problem::MissingEnumSymbols, _) => bench.symbols(own, other, backward),
        (Problem::MissingUnionBranch, true) => bench.branch_before(own, other),
        (Problem::MissingUnionBranch, false) => {
            if let Some(held) = &field {
                bench.branch_now(held.field.schema(), own);
            }
        }
        (Problem::TypeMismatch, _) => {}
    }
    if let Some(held) = &field {
        bench.types(held, backward);
    }
    bench.found
}

/// A field of the new schema, and the one that it is compared with.
struct Held<'n, 'o> {
    field: Field<'n>,
    at: (NodeId, usize),
    old_field: Field<'o>,
}

struct Bench<'n> {
    new: &'n Schema,
    found: Vec<(String, Draft)>,
}

fn is_null(node: Node<'_>) -> bool {
    node.kind() == Kind::Null
}

/// The kind of a field's values beside null.
fn value_kind(field: Field<'_>) -> Kind {
    let of = field.schema();
    of.branches().find(|branch| !is_null(*branch)).unwrap_or(of).kind()
}

fn is_nullable(node: Node<'_>) -> bool {
    is_null(node) || node.branches().any(is_null)
}

/// A type in a word or two.
fn words(node: Node<'_>) -> String {
    match node.kind() {
        Kind::Union => {
            let branches: Vec<String> = node.branches().map(words).collect();
            format!("a union of {}", branches.join(", "))
        }
        Kind::Array => {
            node.items().map_or_else(String::new, |of| format!("array of {}", words(of)))
        }
        Kind::Map => node.values().map_or_else(String::new, |of| format!("map of {}", words(of))),
        _ => node.branch_name().to_owned(),
    }
}

/// A value that says nothing, of the types that have one.
fn nothing(node: Node<'_>) -> Option<Json> {
    Some(match node.kind() {
        Kind::Null => Json::Null,
        Kind::Boolean => Json::Bool(false),
        Kind::Int | Kind::Long => Json::Number(Number::Int(0)),
        Kind::Float | Kind::Double => Json::Number(Number::Float(0.0)),
        Kind::Bytes | Kind::String => Json::String("".into()),
        Kind::Array => Json::Array(Vec::new()),
        Kind::Map => Json::Object(Vec::new()),
        Kind::Enum => {
            Json::String(node.enum_default().or(node.symbols().first().map(|s| &**s))?.into())
        }
        Kind::Union => nothing(node.branches().next()?)?,
        Kind::Record | Kind::Fixed => return None,
    })
}

impl Bench<'_> {
    fn offer(&mut self, words: impl Into<String>, change: impl FnOnce(&mut Draft) -> Option<()>) {
        let mut draft = Draft::new(self.new);
        if change(&mut draft).is_some() {
            self.found.push((words.into(), draft));
        }
    }

    /// A field of the new schema that earlier data does not have.
    fn missing_before(&mut self, record: Node<'_>, old: Node<'_>, name: &str) {
        let Some(field) = record.field(name) else { return };
        let at = (record.id(), field.place());
        let nullable = if is_nullable(field.schema()) {
            format!("give field {name} the default null, with null first in its union")
        } else {
            format!(
                "make field {name} a union of null and {} with the default null",
                words(field.schema())
            )
        };
        self.offer(nullable, |draft| draft.make_nullable(at));
        if let Some(default) = nothing(field.schema()).filter(|default| !default.is_null()) {
            self.offer(format!("give field {name} the default {default}"), |draft| {
                draft.set_default(at, default)
            });
        }
        // It may be a field of before under a new name.
        let is_gone = |gone: &Field<'_>| {
            record.field(gone.name()).is_none() && value_kind(*gone) == value_kind(field)
        };
        for gone in old.fields().filter(is_gone).take(RENAMED_MAX) {
            let alias = gone.name();
            self.offer(
                format!("add the alias {alias} to field {name}, if it is {alias} under a new name"),
                |draft| draft.add_field_alias(at, alias),
            );
        }
        self.offer(format!("leave field {name} out"), |draft| draft.remove_field(at));
    }

    /// A field that earlier readers can't do without.
    fn missing_now(&mut self, record: Node<'_>, old: Node<'_>, name: &str) {
        let Some(gone) = old.field(name) else { return };
        let renamed = record.fields().find(|f| f.aliases().iter().any(|alias| **alias == *name));
        if let Some(field) = renamed {
            let at = (record.id(), field.place());
            self.offer(format!("name field {} {name} again", field.name()), |draft| {
                draft.rename_field(at, name)
            });
        }
        self.offer(format!("keep field {name}"), |draft| draft.add_field(record.id(), gone));
    }

    fn ambiguous(&mut self, record: Node<'_>, message: &str) {
        let name = message.strip_prefix("field ").and_then(|rest| rest.split(' ').next());
        let Some(field) = name.and_then(|name| record.field(name)) else { return };
        let at = (record.id(), field.place());
        self.offer(format!("take the aliases of field {} away", field.name()), |draft| {
            draft.clear_field_aliases(at)
        });
    }

    fn name(&mut self, own: Node<'_>, old: Node<'_>, backward: bool) {
        let (Some(name), Some(before)) = (own.name(), old.name()) else { return };
        let kind = own.kind().name();
        if backward {
            self.offer(format!("add the alias {before} to {kind} {name}"), |draft| {
                draft.add_type_alias(own.id(), before)
            });
        }
        self.offer(format!("name {kind} {name} {before} again"), |draft| {
            draft.rename_type(own.id(), before)
        });
    }

    fn size(&mut self, own: Node<'_>, old: Node<'_>) {
        let (Some(name), Some(size)) = (own.name(), old.size()) else { return };
        self.offer(format!("keep the size of fixed {name}: {size} bytes"), |draft| {
            draft.set_size(own.id(), size)
        });
    }

    fn symbols(&mut self, own: Node<'_>, old: Node<'_>, backward: bool) {
        let Some(name) = own.name() else { return };
        let lacking = |of: Node<'_>, in_this: Node<'_>| -> Vec<String> {
            let known = in_this.symbols();
            of.symbols().iter().filter(|s| !known.contains(s)).map(ToString::to_string).collect()
        };
        if backward {
            let gone = lacking(old, own);
            let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
            self.offer(format!("keep the symbols {} of enum {name}", gone.join(", ")), |draft| {
                draft.add_symbols(own.id(), &gone)
            });
            if let Some(first) = own.symbols().first() {
                self.offer(
                    format!(
                        "give enum {name} the default {first}, for symbols that it does not know"
                    ),
                    |draft| draft.set_enum_default(own.id(), first),
                );
            }
        } else {
            let more = lacking(own, old);
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            self.offer(
                format!("leave the symbols {} of enum {name} out", more.join(", ")),
                |draft| draft.remove_symbols(own.id(), &more),
            );
        }
    }

    fn branch_before(&mut self, union: Node<'_>, old: Node<'_>) {
        self.offer(format!("add {} to the union", words(old)), |draft| {
            draft.add_branch(union.id(), old)
        });
    }

    fn branch_now(&mut self, union: Node<'_>, branch: Node<'_>) {
        self.offer(format!("leave {} out of the union", words(branch)), |draft| {
            draft.remove_branch(union.id(), branch.id())
        });
    }

    /// What may be done about a field whose type changed.
    fn types(&mut self, held: &Held<'_, '_>, backward: bool) {
        let Held { field, at, old_field } = *held;
        let (name, old) = (field.name(), old_field.schema());
        if backward && is_nullable(old) && !is_nullable(field.schema()) {
            self.offer(
                format!("make field {name} a union of null and {}", words(field.schema())),
                |draft| draft.make_nullable(at),
            );
        }
        let keep = match (field.schema().kind(), old.kind()) {
            (Kind::Int | Kind::Long | Kind::Float, Kind::Long | Kind::Float | Kind::Double)
                if backward =>
            {
                format!("widen field {name} to {}", words(old))
            }
            _ => format!("keep the type of field {name}: {}", words(old)),
        };
        self.offer(keep, |draft| draft.keep_type(at, old_field));
        if backward {
            let both = format!("{} and {}", words(field.schema()), words(old));
            self.offer(format!("make field {name} a union of {both}"), |draft| {
                draft.join_types(at, old)
            });
        }
        let record = self.new.node(at.0);
        let free = (2..100).map(|n| format!("{name}_{n}")).find(|n| record.field(n).is_none());
        if let Some(free) = free {
            self.offer(
                format!("keep field {name} as it was, and add the new one as {free} with the default null"),
                |draft| {
                    draft.rename_field(at, &free)?;
                    draft.make_nullable(at)?;
                    draft.add_field(at.0, old_field)
                },
            );
        }
    }
}
