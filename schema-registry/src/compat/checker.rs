//! The walk over a reader's and a writer's schema side by side.

use std::collections::{HashMap, HashSet};

use super::{Incompatibility, Problem, Site};
use crate::avro::{Field, Kind, Name, Node, NodeId, Schema};

/// Most incompatibilities that are reported of one pair of schemas.
const REPORTED_MAX: usize = 200;

/// Longest fragment of a schema in a report, in bytes.
const FRAGMENT_BYTES_MAX: usize = 400;

/// Most comparisons of two types. Two schemas that need more are not told to be
/// compatible.
const STEPS_MAX: usize = 200_000;

/// Deepest nesting of pairs: twice that of schemas, since a union counts on each side.
const DEPTH_MAX: usize = 500;

/// Every reason why data written with `writer` can't be read with `reader`; empty if it
/// can.
#[must_use]
pub fn incompatibilities(reader: &Schema, writer: &Schema) -> Vec<Incompatibility> {
    let mut checker = Checker::default();
    let outcome = checker.pair(reader.root(), writer.root());
    let mut found = Vec::new();
    if let Some(outcome) = outcome {
        checker.collect(outcome, &mut HashSet::new(), &mut found);
    }
    let mut told = Told { outcomes: HashSet::new(), left: REPORTED_MAX };
    found.into_iter().map(|clash| checker.report(clash, reader, writer, &mut told)).collect()
}

/// A place in [`Checker::outcomes`]: what was found of an incompatible pair.
type Outcome = usize;

#[derive(Default)]
struct Checker {
    /// What is known of each pair: nothing yet while it is being compared, so a
    /// recursive type counts as compatible unless something else is not.
    pairs: HashMap<(NodeId, NodeId), Option<Outcome>>,
    outcomes: Vec<Vec<Finding>>,
    path: Vec<Step>,
    /// The fields that are open: record and place, of the reader and the writer.
    fields: Vec<[(NodeId, usize); 2]>,
    depth: usize,
    steps: usize,
}

/// One part of what is wrong with a pair. A pair that is met again is not described
/// again, so the number of findings stays below that of pairs.
enum Finding {
    Here(Clash),
    Inside(Outcome),
}

/// An [`Incompatibility`] without the fragments.
#[derive(Clone, PartialEq)]
struct Clash {
    problem: Problem,
    path: String,
    message: String,
    site: Site,
    /// Of a branch that a union lacks: what is wrong with the one that was meant.
    meant: Option<Outcome>,
}

/// What was told as causes, and how many more may be.
struct Told {
    outcomes: HashSet<Outcome>,
    left: usize,
}

enum Step {
    Key(&'static str),
    Place(usize),
}

impl Checker {
    fn collect(&self, outcome: Outcome, seen: &mut HashSet<Outcome>, found: &mut Vec<Clash>) {
        if !seen.insert(outcome) {
            return;
        }
        for finding in self.outcomes.get(outcome).into_iter().flatten() {
            if found.len() >= REPORTED_MAX {
                return;
            }
            match finding {
                Finding::Here(one) if found.contains(one) => {}
                Finding::Here(one) => found.push(one.clone()),
                Finding::Inside(inner) => self.collect(*inner, seen, found),
            }
        }
    }

    /// `told` are the outcomes that stand as causes already: each is told once.
    fn report(
        &self,
        clash: Clash,
        reader: &Schema,
        writer: &Schema,
        told: &mut Told,
    ) -> Incompatibility {
        let causes = clash.meant.map(|meant| {
            let mut found = Vec::new();
            self.collect(meant, &mut told.outcomes, &mut found);
            found.truncate(told.left);
            told.left -= found.len();
            found.into_iter().map(|cause| self.report(cause, reader, writer, told)).collect()
        });
        Incompatibility {
            problem: clash.problem,
            path: clash.path,
            message: clash.message,
            reader: reader.node(clash.site.reader).excerpt(FRAGMENT_BYTES_MAX),
            writer: writer.node(clash.site.writer).excerpt(FRAGMENT_BYTES_MAX),
            causes,
            field: clash.site.fields.and_then(|[(record, place), _]| {
                let field = reader.node(record).fields().nth(place)?;
                Some(field.name().to_owned())
            }),
            site: clash.site,
        }
    }

    /// Compares a pair, once.
    fn pair(&mut self, reader: Node<'_>, writer: Node<'_>) -> Option<Outcome> {
        let key = (reader.id(), writer.id());
        // Primitive types are shared by all that use them: what is found of one place must
        // not be reported of another.
        let is_leaf = reader.kind().is_primitive() || writer.kind().is_primitive();
        if !is_leaf {
            if let Some(known) = self.pairs.get(&key) {
                return *known;
            }
            self.pairs.insert(key, None);
        }
        self.steps += 1;
        let findings = if self.depth >= DEPTH_MAX || self.steps > STEPS_MAX {
            let message = "the schemas are too large or too deep to be compared to the end";
            vec![self.here(Problem::TypeMismatch, reader, writer, message.to_owned())]
        } else {
            self.depth += 1;
            let findings = self.compare(reader, writer);
            self.depth -= 1;
            findings
        };
        if findings.is_empty() {
            return None;
        }
        self.outcomes.push(findings);
        let outcome = Some(self.outcomes.len() - 1);
        if !is_leaf {
            self.pairs.insert(key, outcome);
        }
        outcome
    }

    fn compare(&mut self, reader: Node<'_>, writer: Node<'_>) -> Vec<Finding> {
        match (reader.kind(), writer.kind()) {
            (Kind::Union, Kind::Union) => self.union_of_union(reader, writer),
            (_, Kind::Union) => self.any_of_union(reader, writer),
            (Kind::Union, _) => self.union_of_one(reader, writer),
            (Kind::Array, Kind::Array) => self.part("items", reader.items(), writer.items()),
            (Kind::Map, Kind::Map) => self.part("values", reader.values(), writer.values()),
            (Kind::Fixed, Kind::Fixed) => {
                let mut findings = self.names(reader, writer);
                findings.extend(self.sizes(reader, writer));
                findings
            }
            (Kind::Enum, Kind::Enum) => {
                let mut findings = self.names(reader, writer);
                findings.extend(self.symbols(reader, writer));
                findings
            }
            (Kind::Record, Kind::Record) => {
                let mut findings = self.names(reader, writer);
                self.fields(reader, writer, &mut findings);
                findings
            }
            (to, from) if to == from || promotes(from, to) => Vec::new(),
            (to, from) => {
                let message = format!(
                    "reader type: {} not compatible with writer type: {}",
                    upper(to),
                    upper(from)
                );
                vec![self.here(Problem::TypeMismatch, reader, writer, message)]
            }
        }
    }

    fn here(
        &self,
        problem: Problem,
        reader: Node<'_>,
        writer: Node<'_>,
        message: String,
    ) -> Finding {
        let mut path = String::new();
        for step in &self.path {
            path.push('/');
            match step {
                Step::Key(key) => path.push_str(key),
                Step::Place(place) => path.push_str(&place.to_string()),
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        let fields = self.fields.last().copied();
        let site = Site { reader: reader.id(), writer: writer.id(), fields };
        Finding::Here(Clash { problem, path, message, site, meant: None })
    }

    /// The same, one step further down.
    fn at(
        &mut self,
        step: &'static str,
        problem: Problem,
        both: (Node<'_>, Node<'_>),
        message: String,
    ) -> Finding {
        self.path.push(Step::Key(step));
        let finding = self.here(problem, both.0, both.1, message);
        self.path.pop();
        finding
    }

    fn part(
        &mut self,
        step: &'static str,
        reader: Option<Node<'_>>,
        writer: Option<Node<'_>>,
    ) -> Vec<Finding> {
        let (Some(reader), Some(writer)) = (reader, writer) else {
            return Vec::new();
        };
        self.path.push(Step::Key(step));
        let outcome = self.pair(reader, writer);
        self.path.pop();
        outcome.map(Finding::Inside).into_iter().collect()
    }

    /// A reader's union must take each branch of the writer's.
    fn union_of_union(&mut self, reader: Node<'_>, writer: Node<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (place, branch) in writer.branches().enumerate() {
            self.path.push(Step::Place(place));
            if let Some(outcome) = self.pair(reader, branch) {
                let meant = match self.outcomes.get(outcome).and_then(|inner| inner.first()) {
                    Some(Finding::Here(clash)) => clash.meant,
                    _ => None,
                };
                findings.push(self.lacking(reader, branch, meant));
            }
            self.path.pop();
        }
        findings
    }

    /// A reader that is no union must read each branch of the writer's.
    fn any_of_union(&mut self, reader: Node<'_>, writer: Node<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (place, branch) in writer.branches().enumerate() {
            self.path.push(Step::Place(place));
            findings.extend(self.pair(reader, branch).map(Finding::Inside));
            self.path.pop();
        }
        findings
    }

    /// One branch of the reader's union must read what the writer writes.
    fn union_of_one(&mut self, reader: Node<'_>, writer: Node<'_>) -> Vec<Finding> {
        let (mut meant, mut alike) = (None, Vec::new());
        for branch in reader.branches() {
            let Some(outcome) = self.pair(branch, writer) else { return Vec::new() };
            if branch.kind() == writer.kind() {
                alike.push(outcome);
                if is_named_alike(branch, writer) {
                    meant.get_or_insert(outcome);
                }
            }
        }
        // A type that only has another name now is meant too.
        if let [only] = alike.as_slice() {
            meant.get_or_insert(*only);
        }
        vec![self.lacking(reader, writer, meant)]
    }

    fn lacking(&self, reader: Node<'_>, writer: Node<'_>, meant: Option<Outcome>) -> Finding {
        let message = format!("reader union lacking writer type: {}", upper(writer.kind()));
        match self.here(Problem::MissingUnionBranch, reader, writer, message) {
            Finding::Here(clash) => Finding::Here(Clash { meant, ..clash }),
            inside => inside,
        }
    }

    /// Java compares names without their namespaces, aliases with them.
    fn names(&mut self, reader: Node<'_>, writer: Node<'_>) -> Vec<Finding> {
        let Some(other) = writer.name().filter(|_| !is_named_alike(reader, writer)) else {
            return Vec::new();
        };
        let message = format!("expected: {}", Name::full(other));
        vec![self.at("name", Problem::NameMismatch, (reader, writer), message)]
    }

    fn sizes(&mut self, reader: Node<'_>, writer: Node<'_>) -> Option<Finding> {
        let (own, other) = (reader.size()?, writer.size()?);
        (own != other).then(|| {
            let message = format!("expected: {other}, found: {own}");
            self.at("size", Problem::FixedSizeMismatch, (reader, writer), message)
        })
    }

    fn symbols(&mut self, reader: Node<'_>, writer: Node<'_>) -> Option<Finding> {
        let own: HashSet<&str> = reader.symbols().iter().map(AsRef::as_ref).collect();
        let other = writer.symbols().iter().map(AsRef::as_ref);
        // Java reports them as a sorted set.
        let mut missing: Vec<&str> = other.filter(|symbol| !own.contains(symbol)).collect();
        if missing.is_empty() || reader.enum_default().is_some() {
            return None;
        }
        missing.sort_unstable();
        let message = format!("[{}]", missing.join(", "));
        Some(self.at("symbols", Problem::MissingEnumSymbols, (reader, writer), message))
    }

    fn fields(&mut self, reader: Node<'_>, writer: Node<'_>, findings: &mut Vec<Finding>) {
        self.path.push(Step::Key("fields"));
        for field in reader.fields() {
            self.path.push(Step::Place(field.place()));
            self.field(field, (reader, writer), findings);
            self.path.pop();
        }
        self.path.pop();
    }

    fn field(
        &mut self,
        field: Field<'_>,
        (reader, writer): (Node<'_>, Node<'_>),
        findings: &mut Vec<Finding>,
    ) {
        let names = std::iter::once(field.name()).chain(field.aliases().iter().map(AsRef::as_ref));
        let mut sources: Vec<Field<'_>> = names.filter_map(|name| writer.field(name)).collect();
        sources.dedup_by_key(|source| source.place());
        match sources.as_slice() {
            [source] => {
                let both = [(reader.id(), field.place()), (writer.id(), source.place())];
                self.fields.push(both);
                findings.extend(self.part("type", Some(field.schema()), Some(source.schema())));
                self.fields.pop();
            }
            [] if field.default().is_some() => {}
            // Java compares such an enum with the writer's whole record, in vain.
            [] if field.schema().enum_default().is_some() => {
                findings.extend(self.part("type", Some(field.schema()), Some(writer)));
            }
            [] => findings.push(self.here(
                Problem::ReaderFieldMissingDefaultValue,
                reader,
                writer,
                field.name().to_owned(),
            )),
            // Java gives up with an exception.
            [first, second, ..] => {
                let message = format!(
                    "field {} stands for two fields of the writer, by its name and its aliases: \
                     {} and {}",
                    field.name(),
                    first.name(),
                    second.name()
                );
                findings.push(self.here(Problem::NameMismatch, reader, writer, message));
            }
        }
    }
}

fn is_named_alike(reader: Node<'_>, writer: Node<'_>) -> bool {
    match (reader.name(), writer.name()) {
        (Some(own), Some(other)) => {
            own.simple() == other.simple() || reader.aliases().contains(other)
        }
        (None, None) => true,
        _ => false,
    }
}

/// Whether Avro reads a value of one primitive type as one of another.
fn promotes(from: Kind, to: Kind) -> bool {
    matches!(
        (from, to),
        (Kind::Int, Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Long, Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Double)
            | (Kind::String, Kind::Bytes)
            | (Kind::Bytes, Kind::String)
    )
}

fn upper(kind: Kind) -> String {
    kind.name().to_ascii_uppercase()
}
