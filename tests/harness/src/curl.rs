//! HTTP as a person does it: by curl.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// `curl -X METHOD URL`, with a JSON body if there is one.
pub fn curl(method: &str, url: &str, body: Option<&str>) -> Result<Answer> {
    use std::io::Write as _;
    let mut command = Command::new("curl");
    command.args(["-sS", "-m", "30", "-X", method, "-w", "\n%{http_code}", url]);
    if body.is_some() {
        command.args(["-H", "Content-Type: application/json", "--data-binary", "@-"]);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("curl (scripts/setup installs it)")?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    stdin.write_all(body.unwrap_or_default().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("curl {method} {url}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let (text, status) = text.rsplit_once('\n').context("no status")?;
    Ok(Answer { status: status.parse()?, text: text.to_owned() })
}
