//! Starting a server and being sure that it ends.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A port that nobody listens on right now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Polls until it answers `Some`, or says what it waited for.
pub fn wait_until<T>(
    what: &str,
    patience: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> Result<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = probe() {
            return Ok(found);
        }
        if Instant::now() > end {
            bail!("waited {patience:?} in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running process and its folder.
///
/// A watchdog shell holds a pipe of ours: when the pipe closes, be it by drop
/// or by the death of this process, it ends the server and removes the folder.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    watchdog: Child,
    pipe: Option<ChildStdin>,
}

impl Server {
    /// Starts a server; `signal` ends it, `folder` goes with it.
    pub(crate) fn start(mut command: Command, signal: &str, folder: Option<&Path>) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| {
            format!("{name} could not be started (scripts/setup installs what tests need)")
        })?;
        let script = "read -r _; kill -s \"$1\" \"$2\" 2>/dev/null; \
             i=0; while kill -0 \"$2\" 2>/dev/null && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done; \
             kill -9 \"$2\" 2>/dev/null; [ -z \"$3\" ] || rm -rf \"$3\"";
        let mut watchdog = Command::new("sh")
            .args(["-c", script, "watchdog", signal, &child.id().to_string()])
            .arg(folder.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = watchdog.stdin.take();
        Ok(Self { child, watchdog, pipe })
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("bad pid")?;
        kill_process(pid, signal).context("the process is gone")
    }

    /// Waits for the end of the server by itself.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<std::process::ExitStatus> {
        wait_until("the end of a server", patience, || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Reap it beside the watchdog: a zombie would look alive to `kill -0`.
        drop(self.pipe.take());
        let _ = wait_until("the end of a server", Duration::from_secs(10), || {
            self.child.try_wait().ok().flatten()
        });
        let _ = self.watchdog.wait();
    }
}

/// Where a server's output goes.
pub(crate) fn log_file(path: &Path) -> Result<Stdio> {
    Ok(Stdio::from(File::options().create(true).append(true).open(path)?))
}

/// The last lines of a log, for errors.
pub(crate) fn log_tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
