//! A real Kafka, to ask what it answers, and to run its tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::process::{Server, free_port, log_file, log_tail, wait_until};

/// Options of Java for what runs for a moment.
const SMALL: &[&str] = &["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
/// Those of `kafka-server-start.sh` and `kafka-run-class.sh`.
const AS_SHIPPED: &[&str] = &[
    "-Xmx1G",
    "-Xms1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
];

/// A Kafka of one node, which is its own controller.
#[derive(Debug)]
pub struct Kafka {
    folder: PathBuf,
    port: u16,
    server: Option<Server>,
}

impl Kafka {
    /// Makes and starts one that is small; `settings` are lines of its properties.
    pub fn start(settings: &[&str]) -> Result<Self> {
        Self::start_by(SMALL, settings)
    }

    /// The same with the options of Java that Kafka's own scripts give it.
    pub fn start_as_shipped(settings: &[&str]) -> Result<Self> {
        Self::start_by(AS_SHIPPED, settings)
    }

    fn start_by(options: &[&str], settings: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("thalweg-kafka-").tempdir()?.keep();
        let mut this = Self { folder, port: free_port()?, server: None };
        let properties = this.write_properties(settings)?;
        // The id is 22 digits of base64: any will do.
        let format = ["format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"];
        let output =
            java("kafka.tools.StorageTool", None)?.args(format).arg(&properties).output()?;
        if !output.status.success() {
            bail!("kafka.tools.StorageTool: {}", String::from_utf8_lossy(&output.stderr));
        }
        let log = this.folder.join("log");
        let mut command = java_with(options, "kafka.Kafka", None)?;
        command.arg(&properties).stdin(Stdio::null());
        command.stdout(log_file(&log)?).stderr(log_file(&log)?);
        this.server = Some(Server::start(command, "KILL", None)?);
        let port = this.port;
        wait_until("Kafka", Duration::from_secs(60), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .with_context(|| log_tail(&log))?;
        Ok(this)
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process id, until it is stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// The folder of its partitions.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Stops it: its files are as it leaves them, until the handle is dropped.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::TERM)?;
            server.wait(Duration::from_secs(60))?;
        }
        Ok(())
    }

    fn write_properties(&self, settings: &[&str]) -> Result<PathBuf> {
        let (broker, controller) = (self.port, free_port()?);
        let mut text = format!(
            "process.roles=broker,controller\nnode.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             inter.broker.listener.name=PLAINTEXT\noffsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             log.dirs={}\n",
            self.data().display()
        );
        text.extend(settings.iter().flat_map(|setting| [*setting, "\n"]));
        let path = self.folder.join("server.properties");
        std::fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A class to be run by Java, out of Kafka's jars or of a folder of classes.
pub fn java(class: &str, classes: Option<&Path>) -> Result<Command> {
    java_with(SMALL, class, classes)
}

fn java_with(options: &[&str], class: &str, classes: Option<&Path>) -> Result<Command> {
    let mut path = std::ffi::OsString::from(jars()?);
    if let Some(classes) = classes {
        path.push(":");
        path.push(classes);
    }
    let mut command = Command::new("java");
    command.args(options);
    // Standard output is for what a program prints.
    command.args(["-Dlog4j2.level=OFF", "-cp"]);
    command.arg(path).arg(class);
    Ok(command)
}

/// Kafka's jars and what they need, as a class path.
pub fn jars() -> Result<String> {
    let cache = crate::cache_dir();
    let mut found: Vec<PathBuf> = std::fs::read_dir(&cache)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| name_of(path).is_some_and(|name| name.starts_with("kafka-")))
        .collect();
    found.sort();
    let folder = found
        .pop()
        .with_context(|| format!("no Kafka in {}: run scripts/setup interop", cache.display()))?;
    Ok(format!("{}/*", folder.display()))
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
