//! The program under test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::curl::{Answer, curl};
use crate::process::{Server, log_file, log_tail};

/// How a [`Thalweg`] is started.
#[derive(Clone, Debug, Default)]
pub struct ThalwegOptions {
    /// Its binary.
    pub binary: PathBuf,
    /// Its data folder; a new one if there is none.
    pub data: Option<PathBuf>,
    /// More arguments of `thalweg serve`.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
}

/// A running `thalweg serve`.
#[derive(Debug)]
pub struct Thalweg {
    folder: PathBuf,
    data: PathBuf,
    server: Server,
    /// The ready line.
    pub ready: String,
    kafka: String,
    rest: String,
    registry: String,
}

impl Thalweg {
    /// Starts it on free ports and waits for its ready line.
    pub fn start(options: &ThalwegOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("thalweg-run-").tempdir()?.keep();
        let data = options.data.clone().unwrap_or_else(|| folder.join("data"));
        let log = folder.join("log");
        let mut command = Command::new(&options.binary);
        command.arg("serve").arg("--data").arg(&data);
        for listener in ["--kafka", "--registry", "--rest"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.args(&options.arguments).envs(options.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file(&log)?);
        let mut server = Server::start(command, "KILL", None)?;
        let stdout = server.child.stdout.take().context("no stdout")?;
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let ready = match lines.recv_timeout(Duration::from_secs(20)) {
            Ok(line) if line.starts_with("ready ") => line,
            other => bail!("no ready line but {other:?}; its log:\n{}", log_tail(&log)),
        };
        let address = |name: &str| {
            ready
                .split(' ')
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
                .with_context(|| format!("no {name} in the ready line: {ready}"))
        };
        let (kafka, rest, registry) = (address("kafka")?, address("rest")?, address("registry")?);
        Ok(Self { folder, data, server, kafka, rest, registry, ready })
    }

    /// The address of its Kafka listener, `host:port`.
    #[must_use]
    pub fn kafka(&self) -> &str {
        &self.kafka
    }

    /// The address of its Connect REST, `http://...`.
    #[must_use]
    pub fn rest(&self) -> String {
        format!("http://{}", self.rest)
    }

    /// The address of its schema registry, `http://...`.
    #[must_use]
    pub fn registry(&self) -> String {
        format!("http://{}", self.registry)
    }

    /// A Connect REST call by curl.
    pub fn call(&self, method: &str, path: &str, body: Option<&str>) -> Result<Answer> {
        curl(method, &format!("{}{path}", self.rest()), body)
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Waits until it ends by itself; false if it does not within this time.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        self.server.wait(patience).is_ok()
    }

    /// kill -9.
    pub fn kill(mut self) -> Result<()> {
        self.server.signal(Signal::KILL)?;
        self.server.wait(Duration::from_secs(10)).map(|_| ())
    }

    /// SIGTERM, and what it ended with.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.server.signal(Signal::TERM)?;
        self.server.wait(Duration::from_secs(30)).with_context(|| self.log())
    }
}

impl Drop for Thalweg {
    fn drop(&mut self) {
        let _ = self.server.signal(Signal::KILL);
        let _ = self.server.wait(Duration::from_secs(10));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
