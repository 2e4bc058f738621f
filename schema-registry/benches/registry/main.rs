//! Speed and memory of the schema registry with 10,000 subjects of 10 versions each, over
//! HTTP, against its bars. `make registrybench` prints the table.
//!
//! `THALWEG_BENCH_SUBJECTS` scales it. The server is a process of its own, on a log that
//! syncs each registration; its memory is that of the log and the registry alone.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

mod client;
mod fill;
mod server;

use std::time::{Duration, Instant};

use client::Client;
use server::Server;

/// Requests a second for schemas by id, and for how long.
const RATE: u32 = 5000;
const LOAD: Duration = Duration::from_secs(10);

/// How many registrations are timed, one after the other.
const REGISTRATIONS: usize = 500;

/// Versions that a new one is checked against.
const FORMER: usize = 1000;

fn main() {
    if server::is_child() {
        server::serve();
        return;
    }
    let subjects = std::env::var("THALWEG_BENCH_SUBJECTS").map_or(10_000, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    fill::fill(folder.path(), subjects, FORMER);
    let server = Server::start(folder.path());
    let versions = subjects * fill::VERSIONS;
    println!("{subjects} subjects with {versions} versions, and one with {FORMER}");
    println!("{:<44}{:>12}{:>12}", "", "measured", "bar");
    let line = |what: &str, measured: f64, unit: &str, bar: f64| {
        let verdict = if measured <= bar { "" } else { "  MISSED" };
        println!("{what:<44}{measured:>9.2} {unit:<2}{bar:>9.0} {unit}{verdict}");
    };
    line("start: log and registry", server.start_ms, "ms", 300.0);
    println!("{:<44}{:>9.2} ms", "  of these, the log", server.log_ms);
    println!("{:<44}{:>9.2} ms", "  time of all cores", server.cpu_ms);
    line("memory (RSS) after the start", server.memory_mib(), "MB", 150.0);
    let mut client = Client::connect(server.address);
    let list = median((0..21).map(|_| timed(|| client.get("/subjects"))));
    line("GET /subjects, all", list, "ms", 20.0);
    let page = median((0..21).map(|_| timed(|| client.get("/schemas?latestOnly=true"))));
    line("GET /schemas?latestOnly=true, the first 1,000", page, "ms", 20.0);
    let path = |id| format!("/schemas/ids/{}", id + 1);
    let (p50, p99) = at_rate(&server, versions, path);
    line("GET by id at 5,000/s: p50", p50, "ms", 1.0);
    line("GET by id at 5,000/s: p99", p99, "ms", 1.0);
    // What the machine and HTTP alone take.
    let (p50, p99) = at_rate(&server, versions, |_| "/".to_owned());
    println!("{:<44}{p50:>9.2} ms", "  of an empty answer: p50");
    println!("{:<44}{p99:>9.2} ms", "  of an empty answer: p99");
    let registered = (0..REGISTRATIONS).map(|n| {
        let body = fill::request(&fill::schema(&format!("New{n}"), 3));
        timed(|| client.post(&format!("/subjects/new-{n}/versions"), &body))
    });
    line("POST of a new schema, synced: p50", median(registered), "ms", 3.0);
    let body = fill::request(&fill::schema("Former", FORMER + 1));
    let path = format!("/compatibility/subjects/{}/versions", fill::LONG);
    let checked =
        median((0..11).map(|_| {
            timed(|| assert!(client.post(&path, &body).contains("\"is_compatible\":true")))
        }));
    line("check against 1,000 former versions", checked, "ms", 50.0);
    line("memory (RSS) at the end", server.memory_mib(), "MB", 150.0);
}

/// Milliseconds.
fn timed<T>(what: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    what();
    start.elapsed().as_secs_f64() * 1000.0
}

fn median(all: impl Iterator<Item = f64>) -> f64 {
    percentile(&mut all.collect::<Vec<_>>(), 50)
}

fn percentile(all: &mut [f64], percent: usize) -> f64 {
    all.sort_by(f64::total_cmp);
    all[(all.len() - 1) * percent / 100]
}

/// Asks at a fixed rate for what has a path by id, and times each from when it was due.
fn at_rate(server: &Server, ids: usize, path: fn(usize) -> String) -> (f64, f64) {
    const CLIENTS: u32 = 4;
    let address = server.address;
    let every = Duration::from_secs(1) * CLIENTS / RATE;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            std::thread::spawn(move || {
                let mut connection = Client::connect(address);
                let start = Instant::now() + every * client / CLIENTS;
                let mut times = Vec::new();
                let mut id = client as usize;
                for n in 0.. {
                    let due = start + every * n;
                    if due.duration_since(start) > LOAD {
                        return times;
                    }
                    if let Some(wait) = due.checked_duration_since(Instant::now()) {
                        std::thread::sleep(wait);
                    }
                    // A step that is prime to most counts: all ids are asked for.
                    id = (id + 7919) % ids;
                    connection.get(&path(id));
                    times.push(due.elapsed().as_secs_f64() * 1000.0);
                }
                times
            })
        })
        .collect();
    let mut times: Vec<f64> =
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    (percentile(&mut times, 50), percentile(&mut times, 99))
}
