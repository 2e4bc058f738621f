//! Which folder a row belongs into: Confluent's partitioners.

mod field;
mod path_format;
mod time;

use thalweg_core::batch::Batch;

pub(crate) use field::FieldPaths;
pub(crate) use path_format::PathFormat;
pub(crate) use time::{Extractor, TimePaths};

use field::FieldReader;
use time::TimeReader;

/// Longest name of a folder, in bytes: what file systems take.
const FOLDER_BYTES_MAX: usize = 255;

/// How rows are laid out in folders.
#[derive(Debug)]
pub(crate) enum Partitioner {
    /// `partition=N`.
    Default,
    /// `field=value/...`.
    Field(FieldPaths),
    /// By time.
    Time(TimePaths),
}

impl Partitioner {
    /// Whether a row's path depends on when it is written, not on the row alone.
    pub(crate) fn is_wall_clock(&self) -> bool {
        matches!(self, Self::Time(time) if matches!(time.extractor, Extractor::Wallclock))
    }

    /// Compiles what it needs for the rows of a batch. `now` is in ms since 1970.
    pub(crate) fn reader<'a>(&'a self, batch: &'a Batch, partition: u32, now: i64) -> Places<'a> {
        let (kind, path) = match self {
            Self::Default => (Reader::Same, format!("partition={partition}")),
            Self::Field(fields) => (Reader::Field(fields.reader(batch)), String::new()),
            Self::Time(time) => (Reader::Time(time.reader(batch, now)), String::new()),
        };
        Places { kind, path }
    }
}

enum Reader<'a> {
    Same,
    Field(FieldReader<'a>),
    Time(TimeReader<'a>),
}

/// Places the rows of one batch.
pub(crate) struct Places<'a> {
    kind: Reader<'a>,
    path: String,
}

impl Places<'_> {
    /// Places a row; then [`Places::path`] is its path. The answer is its time
    /// in ms since 1970, if rows are laid out by time. An error says why it has
    /// no place, never its values (invariant 8).
    pub(crate) fn place(&mut self, row: usize) -> Result<Option<i64>, String> {
        let time = match &mut self.kind {
            Reader::Same => return Ok(None),
            Reader::Field(fields) => {
                fields.place(row, &mut self.path)?;
                None
            }
            Reader::Time(time) => Some(time.place(row, &mut self.path)?),
        };
        if self.path.len() > FOLDER_BYTES_MAX
            && self.path.split('/').any(|folder| folder.len() > FOLDER_BYTES_MAX)
        {
            return Err(format!("its folder's name would be longer than {FOLDER_BYTES_MAX} bytes"));
        }
        Ok(time)
    }

    /// The path of the row placed last.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// A value of a row that came without a schema, by its path.
fn json_field(text: &[u8], path: &[String]) -> Option<serde_json::Value> {
    let mut value: serde_json::Value = serde_json::from_slice(text).ok()?;
    for name in path {
        value = value.get_mut(name)?.take();
    }
    Some(value)
}

/// The way to a field: its name as it stands, or its parts between dots.
fn parts(name: &str) -> Vec<String> {
    name.split('.').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
