//! The levels of compatibility between the versions of a subject.

use std::str::FromStr;

use super::checker::incompatibilities;
use super::{Incompatibility, describe};
use crate::avro::Schema;

/// How a new schema must get on with the versions before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// Anything goes.
    None,
    /// The new schema reads what the latest version wrote.
    #[default]
    Backward,
    /// The new schema reads what any version wrote.
    BackwardTransitive,
    /// The latest version reads what the new schema writes.
    Forward,
    /// Every version reads what the new schema writes.
    ForwardTransitive,
    /// Both, with the latest version.
    Full,
    /// Both, with every version.
    FullTransitive,
}

/// A text that names no [`Level`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid compatibility level. Valid values are none, backward, forward, full, \
     backward_transitive, forward_transitive, and full_transitive"
)]
pub struct UnknownLevel;

/// Which of the two schemas reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The new schema reads what the earlier version wrote.
    Backward,
    /// The earlier version reads what the new schema writes.
    Forward,
}

/// An incompatibility of a new schema with an earlier version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The earlier version.
    pub version: i32,
    /// Which of the two reads.
    pub direction: Direction,
    /// What is incompatible, and where.
    pub found: Incompatibility,
}

impl Violation {
    /// As Confluent's registry reports it, for tools that parse that.
    #[must_use]
    pub fn detail(&self) -> String {
        describe::detail(self)
    }

    /// What it is and where, in a line for people, with what to do.
    #[must_use]
    pub fn told(&self) -> String {
        let found = &self.found;
        let field = found.field.as_deref().map_or(String::new(), |name| format!("field {name}: "));
        format!(
            "{field}{} at {} ({}): {}",
            found.problem.name(),
            found.path,
            found.message,
            self.advice()
        )
    }

    /// What to do about it, in words for people.
    #[must_use]
    pub fn advice(&self) -> String {
        describe::advice(self)
    }
}

/// The same violations as people see them: instead of a branch that a union lacks, what
/// is wrong with the one that was meant. Registries tell the former, since Java does.
#[must_use]
pub fn innermost(violations: Vec<Violation>) -> Vec<Violation> {
    let mut inner = Vec::with_capacity(violations.len());
    for mut violation in violations {
        match violation.found.causes.take() {
            None => inner.push(violation),
            Some(causes) => {
                let Violation { version, direction, .. } = violation;
                let cause = |found| Violation { version, direction, found };
                inner.extend(innermost(causes.into_iter().map(cause).collect()));
            }
        }
    }
    inner
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// Its name in the registry's API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// Whether it looks at every earlier version, not only at the latest.
    #[must_use]
    pub fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    /// Who must be able to read whom.
    #[must_use]
    pub fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }

    /// Everything in which a new schema violates this level towards one version.
    #[must_use]
    pub fn violations_of(self, new: &Schema, version: i32, old: &Schema) -> Vec<Violation> {
        let mut violations = Vec::new();
        for direction in self.directions() {
            let found = match direction {
                Direction::Backward => incompatibilities(new, old),
                Direction::Forward => incompatibilities(old, new),
            };
            let violation = |found| Violation { version, direction: *direction, found };
            violations.extend(found.into_iter().map(violation));
        }
        violations
    }

    /// Everything in which a new schema violates this level towards the versions before
    /// it, which come with the latest one first.
    pub fn violations<'s>(
        self,
        new: &Schema,
        earlier: impl IntoIterator<Item = (i32, &'s Schema)>,
    ) -> Vec<Violation> {
        let count = if self.is_transitive() { usize::MAX } else { 1 };
        let looked_at = earlier.into_iter().take(count);
        looked_at.flat_map(|(version, old)| self.violations_of(new, version, old)).collect()
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let known = Self::ALL.into_iter();
        known.into_iter().find(|level| level.name().eq_ignore_ascii_case(text)).ok_or(UnknownLevel)
    }
}
