//! The registry in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use thalweg_log::{Log, Options, SegmentLog};
use thalweg_schema_registry::{Registry, rest};
use tokio::net::TcpListener;

/// Where the child finds its log, and that it is the child.
const FOLDER: &str = "THALWEG_BENCH_REGISTRY_FOLDER";

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) start_ms: f64,
    /// Of these, until the log was open.
    pub(crate) log_ms: f64,
    /// What the start took of all cores, whatever else they did meanwhile.
    pub(crate) cpu_ms: f64,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let address = words[0].parse().unwrap();
        let (start_ms, log_ms) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        let cpu_ms = words[3].parse().unwrap();
        Self { child, address, start_ms, log_ms, cpu_ms }
    }

    pub(crate) fn memory_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

pub(crate) fn is_child() -> bool {
    std::env::var_os(FOLDER).is_some()
}

/// Serves until it is killed.
pub(crate) fn serve() {
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = std::env::var_os(FOLDER).unwrap();
        let log: Arc<dyn Log> =
            Arc::new(SegmentLog::open(Path::new(&folder), Options::default()).unwrap());
        let log_ms = start.elapsed().as_secs_f64() * 1000.0;
        let registry = Arc::new(Registry::open(log).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let start_ms = start.elapsed().as_secs_f64() * 1000.0;
        println!("{address} {start_ms} {log_ms} {}", cpu_ms());
        axum::serve(listener, rest::router(registry)).await.unwrap();
    });
}

/// What this process took of all cores until now.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name, which may hold anything: utime and stime in hundredths of a second.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() * 10.0).sum()
}
