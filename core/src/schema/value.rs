//! One value on its own: defaults, headers, tests. Rows are never made of these.

/// A value. What it means is its schema's business.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A value that the source did not send (unchanged TOAST).
    Unavailable,
    /// For `Boolean`.
    Bool(bool),
    /// For all integers.
    Int(i64),
    /// For both floats.
    Float(f64),
    /// For `String` and `Json`.
    Text(String),
    /// For `Bytes`.
    Bytes(Vec<u8>),
    /// For arrays.
    List(Vec<Value>),
    /// For maps, in order.
    Map(Vec<(Value, Value)>),
    /// For structs: the fields' values, in the schema's order.
    Struct(Vec<Value>),
}
