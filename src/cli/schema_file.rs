//! Schemas that people have in files.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// Longest schema that is read (invariant 7).
const SCHEMA_LEN_MAX: u64 = 4 << 20;

/// The text of a file; - or none is standard input.
pub(super) fn read(file: Option<&Path>) -> Result<String> {
    let mut text = String::new();
    let read = match file.filter(|file| *file != Path::new("-")) {
        Some(file) => std::fs::File::open(file)
            .and_then(|open| open.take(SCHEMA_LEN_MAX + 1).read_to_string(&mut text))
            .with_context(|| file.display().to_string())?,
        None => std::io::stdin()
            .take(SCHEMA_LEN_MAX + 1)
            .read_to_string(&mut text)
            .context("standard input")?,
    };
    if read as u64 > SCHEMA_LEN_MAX {
        bail!("the schema is longer than {SCHEMA_LEN_MAX} bytes");
    }
    Ok(text)
}
