//! An S3 server: s3proxy, which keeps `If-None-Match` and checks signatures.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{Server, free_port, log_file, log_tail, wait_until};

/// An S3 server with path-style access; keys [`S3Server::ACCESS`] and
/// [`S3Server::SECRET`].
#[derive(Debug)]
pub struct S3Server {
    folder: PathBuf,
    port: u16,
    server: Option<Server>,
}

impl S3Server {
    /// The access key's id.
    pub const ACCESS: &'static str = "thalweg";
    /// The secret key.
    pub const SECRET: &'static str = "thalweg-secret";

    /// Starts one without buckets.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("thalweg-s3-").tempdir()?.keep();
        std::fs::create_dir(folder.join("blobs"))?;
        let mut this = Self { folder, port: free_port()?, server: None };
        this.resume()?;
        Ok(this)
    }

    /// Its address, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, name: &str) -> Result<()> {
        // The server's buckets are folders.
        std::fs::create_dir_all(self.bucket(name)).context("bucket")
    }

    /// The folder in which the bucket's objects lie as files.
    #[must_use]
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.folder.join("blobs").join(name)
    }

    /// Takes it down; [`S3Server::resume`] brings it back on the same port.
    pub fn stop(&mut self) {
        drop(self.server.take());
    }

    /// Starts it (again).
    pub fn resume(&mut self) -> Result<()> {
        let jar = crate::cache_dir().join("s3proxy.jar");
        if !jar.exists() {
            bail!("{} is missing: run scripts/setup", jar.display());
        }
        let config = self.folder.join("s3proxy.conf");
        std::fs::write(
            &config,
            format!(
                "s3proxy.endpoint=http://127.0.0.1:{}\ns3proxy.authorization=aws-v2-or-v4\n\
                 s3proxy.identity={}\ns3proxy.credential={}\n\
                 jclouds.provider=filesystem-nio2\njclouds.filesystem.basedir={}\n",
                self.port,
                Self::ACCESS,
                Self::SECRET,
                self.folder.join("blobs").display()
            ),
        )?;
        let log = self.folder.join("log");
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar"]);
        command.arg(&jar).arg("--properties").arg(&config).stdin(Stdio::null());
        command.stdout(log_file(&log)?).stderr(log_file(&log)?);
        self.server = Some(Server::start(command, "KILL", None)?);
        let port = self.port;
        wait_until("the S3 server", Duration::from_secs(60), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .with_context(|| log_tail(&log))
        .map(|_| ())
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
