//! Whether data written with one schema can be read with another, and if not, every
//! reason why.
//!
//! [`incompatibilities`] asks it of one reader and one writer; [`Level::violations`] asks
//! it of a new schema and the versions before it. The rules are those of Java's
//! `SchemaCompatibility`: logical types don't count.

mod checker;
mod describe;
mod fix;
mod level;

#[cfg(test)]
mod tests;

pub use checker::incompatibilities;
pub use fix::{Explanation, Fix, explain};
pub use level::{Direction, Level, UnknownLevel, Violation, innermost};

use crate::avro::NodeId;

/// What kind of incompatibility it is, by the names that tools know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// A record, enum or fixed has another name, and no alias says so.
    NameMismatch,
    /// A fixed has another size.
    FixedSizeMismatch,
    /// The writer may write symbols that the reader does not have.
    MissingEnumSymbols,
    /// The reader has a field that the writer does not write, and no default for it.
    ReaderFieldMissingDefaultValue,
    /// A value of the writer's type can't be read as one of the reader's.
    TypeMismatch,
    /// No branch of the reader's union takes the writer's type.
    MissingUnionBranch,
}

impl Problem {
    /// Java's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NameMismatch => "NAME_MISMATCH",
            Self::FixedSizeMismatch => "FIXED_SIZE_MISMATCH",
            Self::MissingEnumSymbols => "MISSING_ENUM_SYMBOLS",
            Self::ReaderFieldMissingDefaultValue => "READER_FIELD_MISSING_DEFAULT_VALUE",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::MissingUnionBranch => "MISSING_UNION_BRANCH",
        }
    }
}

/// One reason why a reader's schema can't read what a writer's schema writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incompatibility {
    /// What kind it is.
    pub problem: Problem,
    /// Where: a JSON pointer into the reader's schema (`/fields/1/type`); within a union
    /// of the writer's, the number of its branch.
    pub path: String,
    /// What does not match, in Java's words.
    pub message: String,
    /// The part of the reader's schema, cut short where it is long.
    pub reader: String,
    /// The part of the writer's schema, cut short where it is long.
    pub writer: String,
    /// Of a branch that the reader's union lacks: what is wrong with the branch that was
    /// meant (of the same name, or the only one of its kind), if there is one. Empty if
    /// that was told of another incompatibility already.
    pub causes: Option<Vec<Incompatibility>>,
    /// The field of the reader's that it is in, by its name.
    pub field: Option<String>,
    pub(crate) site: Site,
}

/// The two types that don't fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) reader: NodeId,
    pub(crate) writer: NodeId,
    /// The innermost fields that hold them: record and place, of the reader and the writer.
    pub(crate) fields: Option<[(NodeId, usize); 2]>,
}
