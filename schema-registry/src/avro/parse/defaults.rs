//! Whether a field's default is a value of its type.

use super::super::Node;
use super::super::json::{Json, Number};
use super::super::model::{FieldData, Kind, Schema};

/// Most steps for one default. Branches of unions are tried one after the other, so a
/// contrived default could take longer than the age of the universe.
const STEPS_MAX: u32 = 1_000_000;

/// Deepest nesting of a default, counting the defaults of fields that it leaves out: a
/// record whose default leaves out a field of the same record never ends.
const NESTING_MAX: u32 = 400;

pub(super) fn check(schema: &Schema, field: &FieldData, default: &Json) -> Result<(), String> {
    let node = Node { schema, index: field.node };
    let mut steps = 0;
    match fits(node, default, 0, &mut steps) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!(
            "the default of field {:?} is not a value of its type: expected {}",
            field.name,
            expected(node)
        )),
        Err(TooMuch) => {
            Err(format!("the default of field {:?} is too large or never ends", field.name))
        }
    }
}

struct TooMuch;

fn fits(node: Node<'_>, value: &Json, depth: u32, steps: &mut u32) -> Result<bool, TooMuch> {
    *steps += 1;
    if *steps > STEPS_MAX || depth > NESTING_MAX {
        return Err(TooMuch);
    }
    Ok(match (node.kind(), value) {
        (Kind::Null, Json::Null)
        | (Kind::Boolean, Json::Bool(_))
        | (Kind::Long, Json::Number(Number::Int(_)))
        | (Kind::Float | Kind::Double, Json::Number(_))
        | (Kind::Bytes | Kind::String | Kind::Enum | Kind::Fixed, Json::String(_)) => true,
        (Kind::Int, Json::Number(Number::Int(value))) => i32::try_from(*value).is_ok(),
        (Kind::Array, Json::Array(items)) => {
            let Some(inner) = node.items() else {
                return Ok(false);
            };
            for item in items {
                if !fits(inner, item, depth + 1, steps)? {
                    return Ok(false);
                }
            }
            true
        }
        (Kind::Map, Json::Object(entries)) => {
            let Some(inner) = node.values() else {
                return Ok(false);
            };
            for (_, item) in entries {
                if !fits(inner, item, depth + 1, steps)? {
                    return Ok(false);
                }
            }
            true
        }
        (Kind::Record, Json::Object(_)) => {
            for field in node.fields() {
                let given = value.get(field.name());
                let Some(given) = given.or(field.default()) else {
                    return Ok(false);
                };
                if !fits(field.schema(), given, depth + 1, steps)? {
                    return Ok(false);
                }
            }
            true
        }
        // Since 1.9 Java takes a value of any branch, not only of the first.
        (Kind::Union, _) => {
            for branch in node.branches() {
                if fits(branch, value, depth + 1, steps)? {
                    return Ok(true);
                }
            }
            false
        }
        _ => false,
    })
}

/// What a default of this type looks like.
fn expected(node: Node<'_>) -> String {
    match node.kind() {
        Kind::Null => "null".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Int => "a whole number of 32 bits (1, not 1.0 or \"1\")".to_owned(),
        Kind::Long => "a whole number of 64 bits (1, not 1.0 or \"1\")".to_owned(),
        Kind::Float | Kind::Double => "a number".to_owned(),
        Kind::Bytes | Kind::Fixed => "a text, one character a byte".to_owned(),
        Kind::String => "a text".to_owned(),
        Kind::Enum => "one of the enum's symbols".to_owned(),
        Kind::Array => "an array of values of its items' type".to_owned(),
        Kind::Map => "an object with values of its values' type".to_owned(),
        Kind::Record => format!(
            "an object with a value for each field of {} that has no default",
            node.branch_name()
        ),
        Kind::Union => {
            let names: Vec<&str> = node.branches().map(Node::branch_name).collect();
            format!("a value of one of {}", names.join(", "))
        }
    }
}
