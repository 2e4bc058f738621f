//! Keys and values of the topic `_schemas`, in the JSON that Confluent's registry keeps
//! there: a dump of either can be replayed into the other.

mod key;
#[cfg(test)]
mod tests;
mod text;
mod usual;
mod value;

pub(crate) use key::Key;
pub use value::Reference;
pub(crate) use value::{ConfigValue, ContextValue, ModeValue};
pub(crate) use value::{SchemaValue, SubjectValue, Value};
