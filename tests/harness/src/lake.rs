//! Reading a lake back with tools that are not ours: DuckDB.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Runs a Python program in the environment of `scripts/setup` (it has
/// `duckdb`) and gives its output.
pub fn python(program: &str, arguments: &[&str]) -> Result<String> {
    let python = crate::cache_dir().join("venv/bin/python");
    let output = Command::new(&python)
        .args(["-c", program])
        .args(arguments)
        .output()
        .with_context(|| format!("{} (scripts/setup makes it)", python.display()))?;
    if !output.status.success() {
        bail!("python: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a DuckDB query in which `LAKE` stands for the folder, and gives its
/// rows, each a JSON object. Values that JSON lacks come as text.
pub fn read_lake(folder: &Path, query: &str) -> Result<Vec<Value>> {
    let program = "import sys, json, duckdb\n\
        c = duckdb.connect(config={'autoinstall_known_extensions': False})\n\
        r = c.execute(sys.argv[2].replace('LAKE', sys.argv[1]))\n\
        names = [d[0] for d in r.description]\n\
        for row in r.fetchall(): print(json.dumps(dict(zip(names, row)), default=str))";
    let folder = folder.to_str().context("folder name")?;
    let lines = python(program, &[folder, query])?;
    lines.lines().map(|line| serde_json::from_str(line).context("row")).collect()
}
