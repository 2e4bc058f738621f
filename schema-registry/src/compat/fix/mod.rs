//! What to do about incompatibilities: changes of the new schema, each of which is tried
//! before it is offered.

mod candidates;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Level, Violation, innermost};
use crate::avro::{Draft, Schema, parse_with};

/// Most incompatibilities that fixes are looked for, and most fixes of one.
const VIOLATIONS_MAX: usize = 20;
const FIXES_MAX: usize = 6;

/// Most changes that one schema takes to become compatible.
const STEPS_MAX: usize = 60;

/// Most types that are looked at in all attempts together. What is not tried is not
/// offered.
const NODES_MAX: usize = 2_000_000;

/// Why a schema is not compatible, and what to do about it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Each incompatibility, with the fixes that were found for it.
    pub violations: Vec<(Violation, Vec<Fix>)>,
    /// The first fix of each, together: the whole schema, which is compatible.
    pub fixed: Option<Fix>,
}

/// A change that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What is changed, in words: the change itself, then those that it takes besides for
    /// the other incompatibilities.
    pub steps: Vec<String>,
    /// The whole schema with all of these changes. It is compatible.
    pub schema: String,
}

/// Every violation of a level, with fixes. `references` are the texts that the new schema
/// uses types of; `earlier` are the versions that the level looks at, the latest first.
#[must_use]
pub fn explain(
    level: Level,
    new: &Arc<Schema>,
    references: &[&str],
    earlier: &[(i32, Arc<Schema>)],
) -> Explanation {
    let count = if level.is_transitive() { earlier.len() } else { 1 };
    let earlier = earlier.get(..count).unwrap_or(earlier);
    let mut workshop =
        Workshop { level, references, earlier, violated: Vec::new(), nodes_left: NODES_MAX };
    let violations = level.violations(new, earlier.iter().map(|(version, old)| (*version, &**old)));
    let violations = innermost(violations);
    workshop.note(&violations);
    let fixed = match violations.is_empty() {
        true => None,
        false => workshop.finish(Arc::clone(new), violations.clone(), Vec::new()),
    };
    let mut explained = Vec::with_capacity(violations.len());
    for (place, violation) in violations.iter().enumerate() {
        let fixes = match place {
            0..VIOLATIONS_MAX => workshop.fixes(new, violation, violations.len()),
            _ => Vec::new(),
        };
        explained.push((violation.clone(), fixes));
    }
    Explanation { violations: explained, fixed }
}

struct Workshop<'a> {
    level: Level,
    references: &'a [&'a str],
    earlier: &'a [(i32, Arc<Schema>)],
    /// Places in `earlier` of versions that were violated once: attempts are held against
    /// these, and what comes of them against all.
    violated: Vec<usize>,
    nodes_left: usize,
}

/// A change that takes a violation away: what it is, the schema, and what is left.
struct Step {
    words: String,
    schema: Arc<Schema>,
    left: Vec<Violation>,
}

impl Workshop<'_> {
    fn note(&mut self, violations: &[Violation]) {
        for (place, (version, _)) in self.earlier.iter().enumerate() {
            let is_new = !self.violated.contains(&place);
            if is_new && violations.iter().any(|one| one.version == *version) {
                self.violated.push(place);
            }
        }
        self.violated.sort_unstable();
    }

    /// None when too much was tried already.
    fn violations(&mut self, new: &Schema, places: &[usize]) -> Option<Vec<Violation>> {
        let mut violations = Vec::new();
        for (version, old) in places.iter().filter_map(|place| self.earlier.get(*place)) {
            self.nodes_left = self.nodes_left.checked_sub(new.len() + old.len())?;
            violations.extend(innermost(self.level.violations_of(new, *version, old)));
        }
        Some(violations)
    }

    /// Changes that take this violation away and bring no more of others.
    fn steps(&mut self, new: &Schema, violation: &Violation, count: usize) -> Vec<Step> {
        let old = self.earlier.iter().find(|(version, _)| *version == violation.version);
        let Some((_, old)) = old else { return Vec::new() };
        let mut steps: Vec<Step> = Vec::new();
        for (words, draft) in candidates::of(new, old, violation) {
            if let Some(step) = self.tried(words, &draft, violation)
                && step.left.len() <= count
            {
                steps.push(step);
            }
        }
        // What solves most comes first; among equals the order is that of the candidates.
        steps.sort_by_key(|step| step.left.len());
        steps
    }

    fn tried(&mut self, words: String, draft: &Draft, violation: &Violation) -> Option<Step> {
        self.nodes_left = self.nodes_left.checked_sub(draft.len())?;
        let schema = parse_with(&draft.text(), self.references).ok()?;
        let places = self.violated.clone();
        let left = self.violations(&schema, &places)?;
        let key = |one: &Violation| {
            let found = &one.found;
            (one.version, one.direction, found.problem, found.path.clone(), found.message.clone())
        };
        let is_gone = !left.iter().any(|one| key(one) == key(violation));
        is_gone.then_some(Step { words, schema, left })
    }

    fn fixes(&mut self, new: &Arc<Schema>, violation: &Violation, count: usize) -> Vec<Fix> {
        let mut fixes: Vec<Fix> = Vec::new();
        for step in self.steps(new, violation, count).into_iter().take(FIXES_MAX) {
            if let Some(fix) = self.finish(step.schema, step.left, vec![step.words])
                && !fixes.contains(&fix)
            {
                fixes.push(fix);
            }
        }
        fixes
    }

    /// Takes one violation after the other away, until none of any version is left.
    fn finish(
        &mut self,
        mut schema: Arc<Schema>,
        mut left: Vec<Violation>,
        mut steps: Vec<String>,
    ) -> Option<Fix> {
        let all: Vec<usize> = (0..self.earlier.len()).collect();
        loop {
            if left.is_empty() {
                left = self.violations(&schema, &all)?;
                self.note(&left);
            }
            let Some(violation) = left.first() else {
                return Some(Fix { steps, schema: schema.text() });
            };
            if steps.len() >= STEPS_MAX {
                return None;
            }
            let next = self.steps(&schema, violation, left.len()).into_iter().next()?;
            schema = next.schema;
            left = next.left;
            steps.push(next.words);
        }
    }
}
