//! Values that nobody wants.

use super::run::Input;
use crate::avro::parse::{Avro, Shape};
use crate::codec::DecodeProblem;

/// How to get past a value.
#[derive(Debug)]
pub(super) enum Skip {
    /// It takes no bytes.
    Nothing,
    Number,
    /// A length and as many bytes.
    Bytes,
    Fixed(usize),
    Boolean,
    Fields(Box<[Skip]>),
    Union(Box<[Skip]>),
    /// The elements of an array or, behind their keys, of a map.
    Items(Box<Skip>),
}

impl Skip {
    /// As deep as the schema, which is bounded.
    pub(super) fn over(avro: &Avro) -> Self {
        match &avro.shape {
            Shape::Null => Self::Nothing,
            Shape::Boolean => Self::Boolean,
            Shape::Int | Shape::Long | Shape::Enum(_) => Self::Number,
            Shape::Float => Self::Fixed(4),
            Shape::Double => Self::Fixed(8),
            Shape::Bytes | Shape::String => Self::Bytes,
            Shape::Fixed(size) => Self::Fixed(*size),
            Shape::Array(items) => Self::Items(Box::new(Self::over(items))),
            Shape::Map(values) => {
                Self::Items(Box::new(Self::Fields([Self::Bytes, Self::over(values)].into())))
            }
            Shape::Record(_) if !avro.takes_bytes() => Self::Nothing,
            Shape::Record(fields) => {
                Self::Fields(fields.iter().map(|field| Self::over(&field.schema)).collect())
            }
            Shape::Union(branches) => {
                Self::Union(branches.iter().map(|branch| Self::over(branch)).collect())
            }
        }
    }

    pub(super) fn run(&self, input: &mut Input<'_>) -> Result<(), DecodeProblem> {
        match self {
            Self::Nothing => Ok(()),
            Self::Number => input.long().map(drop),
            Self::Bytes => input.bytes().map(drop),
            Self::Boolean => input.take(1).map(drop),
            Self::Fixed(size) => input.take(*size).map(drop),
            Self::Fields(fields) => fields.iter().try_for_each(|field| field.run(input)),
            Self::Union(branches) => {
                let branch = usize::try_from(input.long()?).ok().and_then(|n| branches.get(n));
                branch.ok_or(DecodeProblem::NoSuchBranch)?.run(input)
            }
            Self::Items(item) => loop {
                let count = input.block()?;
                if count == 0 {
                    return Ok(());
                }
                if let Self::Nothing | Self::Fixed(0) = **item {
                    continue;
                }
                // Invariant 7: each takes a byte at least.
                if count > input.left() {
                    return Err(DecodeProblem::BadLength);
                }
                for _ in 0..count {
                    item.run(input)?;
                }
            },
        }
    }
}
