//! A Postgres of our own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::process::{Server, free_port, log_file, log_tail, wait_until};

/// How a [`Postgres`] is set up.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// `wal_level`.
    pub wal_level: &'static str,
    /// Whether it syncs to disk (needed only where the server itself is killed).
    pub fsync: bool,
    /// Authentication of TCP connections: `trust`, `scram-sha-256`, `md5`.
    pub auth: &'static str,
    /// More settings for `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { wal_level: "logical", fsync: false, auth: "trust", settings: Vec::new() }
    }
}

/// A Postgres server with a superuser `postgres` (password `postgres`).
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    options: PostgresOptions,
    server: Option<Server>,
}

impl Postgres {
    /// The superuser's password.
    pub const PASSWORD: &'static str = "postgres";

    /// Makes and starts one with `wal_level=logical`.
    pub fn start() -> Result<Self> {
        Self::start_with(PostgresOptions::default())
    }

    /// Makes and starts one.
    pub fn start_with(options: PostgresOptions) -> Result<Self> {
        let bin = binaries()?;
        let folder = tempfile::Builder::new().prefix("thalweg-pg-").tempdir()?.keep();
        // The server's user must be able to pass through.
        run(Command::new("chmod").arg("0755").arg(&folder))?;
        if is_root() {
            run(Command::new("chown").arg("postgres:postgres").arg(&folder))?;
        }
        let password = folder.join("password");
        std::fs::write(&password, Self::PASSWORD)?;
        run(Command::new("chmod").arg("0644").arg(&password))?;
        run(as_postgres(&bin.join("initdb"))
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-U", "postgres", "-A", options.auth, "--no-sync", "-E", "UTF8"])
            .args(["--locale=C", "--pwfile"])
            .arg(&password))
        .context("initdb")?;
        let mut this = Self { bin, folder, port: free_port()?, options, server: None };
        this.write_settings()?;
        this.launch()?;
        Ok(this)
    }

    /// Its TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection string for the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=postgres password={} dbname=postgres",
            self.port,
            Self::PASSWORD
        )
    }

    /// Runs SQL by `psql` and gives its output, unaligned, tuples only. Stops
    /// at the first error.
    pub fn sql(&self, sql: &str) -> Result<String> {
        self.sql_in("postgres", sql)
    }

    /// The same in another database.
    pub fn sql_in(&self, database: &str, sql: &str) -> Result<String> {
        use std::io::Write as _;
        // The packaged `psql` in the path is a Perl script that looks for this one.
        let own = self.bin.join("psql");
        let program = if own.exists() { own } else { PathBuf::from("psql") };
        let mut psql = Command::new(program)
            .args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U"])
            .args(["postgres", "-d", database, "-p", &self.port.to_string()])
            .env("PGPASSWORD", Self::PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("psql (scripts/setup installs it)")?;
        let mut stdin = psql.stdin.take().context("no stdin")?;
        let text = sql.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = psql.wait_with_output()?;
        let _ = writer.join();
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Stops it (fast) and starts it again on the same port.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.resume()
    }

    /// Stops it (fast): connections are closed, data is kept.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::INT)?;
            server.wait(Duration::from_secs(30))?;
        }
        Ok(())
    }

    /// Starts it again after [`Postgres::stop`].
    pub fn resume(&mut self) -> Result<()> {
        self.launch()
    }

    /// Changes a setting; it holds after the next restart.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.options.settings.push((key.to_owned(), value.to_owned()));
        self.write_settings()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn write_settings(&self) -> Result<()> {
        let fsync = if self.options.fsync { "on" } else { "off" };
        let mut text = format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
             wal_level = {}\nfsync = {fsync}\nmax_replication_slots = 50\n\
             max_wal_senders = 50\nmax_connections = 100\nmax_wal_size = '4GB'\n\
             shared_buffers = '128MB'\n",
            self.port, self.options.wal_level
        );
        for (key, value) in &self.options.settings {
            let _ = writeln!(text, "{key} = '{value}'");
        }
        let path = self.data().join("postgresql.auto.conf");
        std::fs::write(&path, text).with_context(|| path.display().to_string())
    }

    fn launch(&mut self) -> Result<()> {
        let log = self.folder.join("log");
        let mut command = as_postgres(&self.bin.join("postgres"));
        command.arg("-D").arg(self.data()).stdin(Stdio::null());
        command.stdout(log_file(&log)?).stderr(log_file(&log)?);
        // The folder outlives a stop; the last drop removes it.
        let server = Server::start(command, "QUIT", None)?;
        self.server = Some(server);
        let patience = Duration::from_secs(30);
        wait_until("postgres to accept connections", patience, || self.sql("select 1").ok())
            .with_context(|| log_tail(&log))
            .map(|_| ())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder of the newest packaged Postgres, or `$PGBIN`.
fn binaries() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("PGBIN") {
        return Ok(folder.into());
    }
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").exists().then_some((version, bin))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).context("no Postgres found: run scripts/setup, or set PGBIN")
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// A command as the user `postgres`: the server refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command.current_dir("/");
    command
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{:?}", command.get_program()))?;
    if !output.status.success() {
        bail!("{:?}: {}", command.get_program(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
