//! What benches measure with: CPU, memory, the disk, and the table of figures.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Length of the file that [`write_and_sync`] writes over and over.
const LOOP_FILE_BYTES: usize = 64 << 20;

/// CPU seconds (user and system) that a process has used.
#[must_use]
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command may hold spaces: fields count from behind its parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// CPU seconds of a server and its processes, those that have ended included.
#[must_use]
pub fn family_cpu_seconds(pid: u32) -> Option<f64> {
    let mut seconds = 0.0;
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((name, fields)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
        let is_server = name.split_once(' ').is_some_and(|(id, _)| id == pid.to_string());
        if is_server {
            // The last two are of children that it has waited for.
            seconds += (11..=14).filter_map(field).sum::<f64>() / 100.0;
        } else if field(1) == Some(f64::from(pid)) {
            seconds += (11..=12).filter_map(field).sum::<f64>() / 100.0;
        }
    }
    Some(seconds)
}

/// A line of `/proc/PID/status` in MiB: `VmRSS` now, `VmHWM` at the most.
#[must_use]
pub fn memory_mib(pid: u32, line: &str) -> Option<f64> {
    memory_kib(pid, line)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Most memory that this process had reserved, in KiB.
#[must_use]
pub fn peak_kib() -> Option<u64> {
    memory_kib(std::process::id(), "VmPeak")?.parse().ok()
}

fn memory_kib(pid: u32, line: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    Some(line.trim().trim_end_matches(" kB").to_owned())
}

/// What the disk does for a loop that does nothing else.
#[derive(Clone, Copy, Debug)]
pub struct SyncLoop {
    /// Bytes that were durable in a second.
    pub bytes_per_second: f64,
    /// Median time of a write and its sync.
    pub median_ms: f64,
}

/// Writes groups of this many bytes, each from the next block of 4 KiB on, into a
/// zero-filled file in `folder`, syncs each (`fdatasync`), and removes the file.
pub fn write_and_sync(folder: &Path, group: usize, length: Duration) -> Result<SyncLoop> {
    let path = folder.join("write-and-sync");
    let group = group.max(1);
    let file = File::options().create_new(true).write(true).open(&path)?;
    let step = group.next_multiple_of(4096);
    let size = LOOP_FILE_BYTES.next_multiple_of(step);
    let zeros = vec![0; 1 << 20];
    for at in (0..size).step_by(zeros.len()) {
        file.write_all_at(&zeros, at as u64)?;
    }
    file.sync_all()?;
    let data = vec![7; group];
    let mut times = Vec::new();
    let start = Instant::now();
    let mut last = start;
    while last - start < length {
        let at = times.len() * step % size;
        file.write_all_at(&data, at as u64)?;
        file.sync_data()?;
        let now = Instant::now();
        times.push((now - last).as_secs_f64() * 1e3);
        last = now;
    }
    let bytes_per_second = (times.len() * group) as f64 / (last - start).as_secs_f64();
    times.sort_by(f64::total_cmp);
    std::fs::remove_file(&path)?;
    Ok(SyncLoop { bytes_per_second, median_ms: percentile(&times, 500) })
}

/// The figures, case by case, each from several runs.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<(String, String, Vec<f64>)>,
}

impl Report {
    /// Adds one run's figure.
    pub fn add(&mut self, case: &str, unit: &str, value: f64) {
        let _ = writeln!(std::io::stderr(), "   {case}: {value:.3} {unit}");
        match self.lines.iter_mut().find(|(name, of, _)| name == case && of == unit) {
            Some((_, _, values)) => values.push(value),
            None => self.lines.push((case.to_owned(), unit.to_owned(), vec![value])),
        }
    }

    /// Prints minimum, median and maximum of each.
    pub fn print(&self) {
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

/// The value below which so many of 1,000 sorted values lie.
#[must_use]
pub fn percentile(sorted: &[f64], per_mille: usize) -> f64 {
    let at = sorted.len() * per_mille / 1000;
    sorted.get(at.min(sorted.len() - 1)).copied().unwrap_or(f64::NAN)
}

/// A number from the environment.
#[must_use]
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
