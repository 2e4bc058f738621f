//! kcat, a Kafka client that nobody here wrote.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs kcat with these arguments and this input; its output. It is ended after
/// half a minute.
pub fn kcat(broker: &str, arguments: &[&str], input: &[u8]) -> Result<String> {
    let mut child = Command::new("timeout")
        .args(["30", "kcat", "-b", broker])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("kcat could not be started (scripts/setup installs what tests need)")?;
    child.stdin.take().context("no stdin")?.write_all(input)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("kcat {arguments:?} ended with {}: {said}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
