//! The files of a partition that are open together.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::batch::Columns;
use thalweg_core::schema::SchemaId;

use crate::lake::{FileWriter, FormatError, Spooled, Unfit};

/// A file under construction.
pub(super) struct OpenFile {
    pub(super) path: Arc<str>,
    pub(super) schema: SchemaId,
    writer: Box<dyn FileWriter>,
    /// Rows of the batch at hand that go into it.
    selected: Vec<u32>,
    first: i64,
    last: i64,
    count: u64,
}

/// A file that is complete, but not in its place.
pub(super) struct ClosedFile {
    pub(super) path: Arc<str>,
    pub(super) schema: SchemaId,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u64,
    pub(super) file: Spooled,
}

/// Rows of a partition from one rotation to the next.
pub(super) struct Round {
    /// The partition's next offset when it began.
    pub(super) from: i64,
    /// Whether it follows a plan of an earlier run.
    pub(super) replay: bool,
    /// Rows in it.
    pub(super) rows: u64,
    /// The time of its first row, if rows have times.
    pub(super) base_time: Option<i64>,
    /// When the clock closes it, in ms since 1970.
    pub(super) due: Option<i64>,
    files: Vec<OpenFile>,
    by_path: HashMap<Arc<str>, Vec<usize>>,
    /// The file of the last row: mostly that of the next one too.
    latest: Option<usize>,
}

impl Round {
    pub(super) fn new(from: i64, replay: bool, base_time: Option<i64>, due: Option<i64>) -> Self {
        Self {
            from,
            replay,
            rows: 0,
            base_time,
            due,
            files: Vec::new(),
            by_path: HashMap::new(),
            latest: None,
        }
    }

    /// The open file of a path and schema.
    pub(super) fn find(&self, path: &str, schema: SchemaId) -> Option<usize> {
        let fits = |&index: &usize| {
            let file = &self.files[index];
            file.schema == schema && *file.path == *path
        };
        if let Some(latest) = self.latest.filter(fits) {
            return Some(latest);
        }
        self.by_path.get(path)?.iter().copied().find(fits)
    }

    /// Whether the path has an open file, of whatever schema.
    pub(super) fn has_path(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// The path of the last row.
    pub(super) fn latest_path(&self) -> Option<&str> {
        Some(&self.files[self.latest?].path)
    }

    /// Number of open files.
    pub(super) fn open_files(&self) -> usize {
        self.files.len()
    }

    /// About how much memory the open files hold, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.files.iter().map(|file| file.writer.memory()).sum()
    }

    /// Opens a file. `first` is the offset of its first row.
    pub(super) fn open(
        &mut self,
        path: &str,
        schema: SchemaId,
        first: i64,
        writer: Box<dyn FileWriter>,
    ) -> usize {
        let (index, path): (_, Arc<str>) = (self.files.len(), path.into());
        self.by_path.entry(Arc::clone(&path)).or_default().push(index);
        let selected = Vec::new();
        let (last, count) = (first, 0);
        self.files.push(OpenFile { path, schema, writer, selected, first, last, count });
        index
    }

    /// A row of the batch at hand goes into a file.
    pub(super) fn select(&mut self, file: usize, row: u32) {
        self.files[file].selected.push(row);
        self.rows += 1;
        self.latest = Some(file);
    }

    /// Writes the selected rows. Those that the format can't hold are left out
    /// and named in `unfit`.
    pub(super) fn append(
        &mut self,
        columns: &Columns,
        offsets: &[i64],
        unfit: &mut Vec<Unfit>,
    ) -> Result<(), FormatError> {
        for file in &mut self.files {
            if file.selected.is_empty() {
                continue;
            }
            let known = unfit.len();
            file.writer.append(columns, &file.selected, unfit)?;
            let left_out = &unfit[known..];
            for &row in &file.selected {
                if left_out.is_empty() || !left_out.iter().any(|unfit| unfit.row == row) {
                    let offset = offsets[row as usize];
                    if file.count == 0 {
                        file.first = offset;
                    }
                    file.last = offset;
                    file.count += 1;
                }
            }
            self.rows -= left_out.len() as u64;
            file.selected.clear();
        }
        Ok(())
    }

    /// Ends all files. Those without a row are none.
    pub(super) fn close(self) -> Result<Vec<ClosedFile>, FormatError> {
        let with_rows = self.files.into_iter().filter(|file| file.count > 0);
        with_rows
            .map(|open| {
                Ok(ClosedFile {
                    path: open.path,
                    schema: open.schema,
                    first: open.first,
                    last: open.last,
                    count: open.count,
                    file: open.writer.finish()?,
                })
            })
            .collect()
    }
}
