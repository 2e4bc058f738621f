//! The client, which is one C program for all cases.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The compiled client.
pub(crate) struct Client {
    binary: PathBuf,
}

/// Names and numbers that it printed.
pub(crate) struct Printed(HashMap<String, f64>);

impl Client {
    /// Compiles it into this folder.
    pub(crate) fn compile(folder: &Path) -> Result<Self> {
        let binary = folder.join("client");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/kafka/client.c");
        let compiled = Command::new("cc")
            .args(["-O2", source, "-o"])
            .arg(&binary)
            .args(["-lrdkafka", "-lpthread"])
            .output()
            .context("cc (scripts/setup kafka installs it)")?;
        ensure!(
            compiled.status.success(),
            "client.c (scripts/setup kafka installs librdkafka-dev): {}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        Ok(Self { binary })
    }

    /// Runs a command.
    pub(crate) fn run(&self, brokers: &str, words: &[&str]) -> Result<Printed> {
        let done = Command::new(&self.binary).arg(brokers).args(words).output()?;
        if !done.status.success() {
            bail!("client {words:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
        let printed = String::from_utf8(done.stdout)?;
        let lines = printed.lines().filter_map(|line| line.split_once(' '));
        let numbers = lines.map(|(name, number)| Ok((name.to_owned(), number.parse()?)));
        Ok(Printed(numbers.collect::<Result<_>>()?))
    }
}

impl Printed {
    /// The number of this name.
    pub(crate) fn get(&self, name: &str) -> Result<f64> {
        self.0.get(name).copied().with_context(|| format!("the client printed no {name}"))
    }

    /// Records in a second.
    pub(crate) fn rate(&self) -> Result<f64> {
        Ok(self.get("acked")? / self.get("seconds")?)
    }
}
