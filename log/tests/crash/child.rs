//! The process that is killed, seen from its parent.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::workload;

const FOLDER: &str = "THALWEG_CRASH_FOLDER";
const DURABILITY: &str = "THALWEG_CRASH_DURABILITY";
const LIMIT: &str = "THALWEG_CRASH_LIMIT";

/// Not a test of its own: what the child does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let durability = std::env::var(DURABILITY).unwrap();
    let limit = std::env::var(LIMIT).unwrap().parse().unwrap();
    workload::child(&folder, &durability, limit).await;
}

/// What a child said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Durable(u64),
    Trimmed(u32, u64),
    Created(u64),
    Deleted(u64),
    Refused(String),
    Accepted,
    Closed(String),
    /// It did not say so: it was killed with -9.
    Killed,
}

impl Said {
    /// None for what the harness says, and for a line that was cut by the kill.
    fn parse(line: &str) -> Option<Self> {
        let (what, rest) = line.strip_prefix('=')?.split_once(' ').unwrap_or((&line[1..], ""));
        Some(match what {
            "durable" => Self::Durable(rest.parse().ok()?),
            "trimmed" => {
                let (partition, start) = rest.split_once(' ')?;
                Self::Trimmed(partition.parse().ok()?, start.parse().ok()?)
            }
            "created" => Self::Created(rest.parse().ok()?),
            "deleted" => Self::Deleted(rest.parse().ok()?),
            "refused" => Self::Refused(rest.to_owned()),
            "accepted" => Self::Accepted,
            "closed" => Self::Closed(rest.to_owned()),
            _ => return None,
        })
    }
}

/// A running child. It is killed when it is dropped.
pub(crate) struct Child {
    process: Process,
    /// All that it says, and when that was heard.
    heard: Option<JoinHandle<Vec<(Instant, Said)>>>,
}

impl Child {
    /// Starts one, under `tracer` if that is not empty.
    pub(crate) fn start(folder: &Path, durability: &str, limit: u64, tracer: &[String]) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = match tracer.split_first() {
            Some((tracer, words)) => {
                let mut command = Command::new(tracer);
                command.args(words).arg(program);
                command
            }
            None => Command::new(program),
        };
        let mut process = command
            .args(["--exact", "child::child", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .env(DURABILITY, durability)
            .env(LIMIT, limit.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        let heard = std::thread::spawn(move || {
            let mut said = Vec::new();
            // A last line without its end was cut by the kill: its number may be.
            let mut lines = lines;
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|count| count > 0) && line.ends_with('\n') {
                said.extend(Said::parse(line.trim_end()).map(|said| (Instant::now(), said)));
                line.clear();
            }
            said
        });
        Self { process, heard: Some(heard) }
    }

    fn hear_all(&mut self) -> Vec<(Instant, Said)> {
        self.heard.take().map(|heard| heard.join().unwrap()).unwrap_or_default()
    }

    /// Waits for its end. All that it said.
    pub(crate) fn wait(mut self) -> Vec<Said> {
        let heard = self.hear_all();
        let status = self.process.wait().unwrap();
        let mut said: Vec<Said> = heard.into_iter().map(|(_, said)| said).collect();
        said.extend((status.signal() == Some(9)).then_some(Said::Killed));
        said
    }

    /// Kills it with -9. All that it said.
    pub(crate) fn kill(mut self) -> Vec<Said> {
        self.process.kill().unwrap();
        self.wait()
    }

    /// Kills it with -9. What was heard of it before this moment, and after.
    pub(crate) fn kill_after(mut self, moment: Instant) -> (Vec<Said>, Vec<Said>) {
        self.process.kill().unwrap();
        let heard = self.hear_all();
        let (before, after): (Vec<_>, Vec<_>) = heard.into_iter().partition(|(at, _)| *at < moment);
        let said = |heard: Vec<(Instant, Said)>| heard.into_iter().map(|(_, said)| said).collect();
        (said(before), said(after))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
