//! Clocks, memory, and the report.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// CPU seconds (user and system) that a process has used.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command may hold spaces: fields count from behind its parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// A line of `/proc/PID/status` in MiB: `VmRSS` now, `VmHWM` at the most.
pub(crate) fn memory_mib(pid: u32, line: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// A GET without starting a process, so that polling costs next to nothing.
pub(crate) fn get(base: &str, path: &str) -> Result<Value> {
    let address = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
    serde_json::from_str(body).with_context(|| format!("GET {path}: {body}"))
}

/// Waits until the probe is true; how long it took.
pub(crate) fn time_until(
    what: &str,
    patience: Duration,
    mut done: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    let start = Instant::now();
    while !done()? {
        if start.elapsed() > patience {
            bail!("waited {patience:?} in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(start.elapsed())
}

/// The figures, case by case, each from several runs.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<(String, String, Vec<f64>)>,
}

impl Report {
    /// Adds one run's figure.
    pub(crate) fn add(&mut self, case: &str, unit: &str, value: f64) {
        eprintln!("   {case}: {value:.3} {unit}");
        match self.lines.iter_mut().find(|(name, of, _)| name == case && of == unit) {
            Some((_, _, values)) => values.push(value),
            None => self.lines.push((case.to_owned(), unit.to_owned(), vec![value])),
        }
    }

    /// Prints minimum, median and maximum of each.
    pub(crate) fn print(&self) {
        let mut text = String::from("\n");
        let _ = writeln!(text, "{:<58} {:>12} {:>12} {:>12}  unit", "case", "min", "median", "max");
        for (case, unit, values) in &self.lines {
            let mut values = values.clone();
            values.sort_by(f64::total_cmp);
            let show = |value: f64| {
                if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
            };
            let _ = writeln!(
                text,
                "{case:<58} {:>12} {:>12} {:>12}  {unit}",
                show(values[0]),
                show(values[values.len() / 2]),
                show(values[values.len() - 1])
            );
        }
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

/// The value below which this part of sorted values lies.
pub(crate) fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len() - 1)).copied().unwrap_or(f64::NAN)
}

/// A number from the environment.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
