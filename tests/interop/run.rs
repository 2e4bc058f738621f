//! Running the clients.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use thalweg_harness::{cache_dir, jars, java};

/// All codecs of Kafka's clients.
pub(crate) const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
/// The time of record 0 that `write` writes; each is a second after the last.
pub(crate) const BASE_MS: i64 = 1_700_000_000_000;

/// Adds to the counts that `make interop` prints at its end.
pub(crate) fn count(what: &str, number: usize) {
    let Some(path) = std::env::var_os("THALWEG_INTEROP_COUNTS") else { return };
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    // In one write, since tests run side by side.
    file.write_all(format!("{number}\t{what}\n").as_bytes()).unwrap();
}

/// A client that takes the commands of `python/client.py` and `java/Client.java`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// `kafka-clients`.
    Java,
    /// `confluent-kafka`.
    Python,
}

impl Client {
    pub(crate) const ALL: [Self; 2] = [Self::Java, Self::Python];

    /// Runs commands and gives the lines that each printed.
    pub(crate) fn run(self, servers: &str, commands: &[String]) -> Vec<Vec<String>> {
        let mut command = match self {
            Self::Java => java("Client", Some(classes())).unwrap(),
            Self::Python => {
                let mut python = Command::new(cache_dir().join("venv/bin/python"));
                python.arg(folder().join("python/client.py"));
                python
            }
        };
        command.arg(servers);
        let printed = output(command, commands.join("\n").as_bytes());
        let answers: Vec<Vec<String>> = printed
            .split_terminator(".\n")
            .map(|answer| answer.lines().map(str::to_owned).collect())
            .collect();
        assert_eq!(answers.len(), commands.len(), "{self:?} did not answer all: {printed}");
        answers
    }

    /// Runs one command.
    pub(crate) fn ask(self, servers: &str, command: &str) -> Vec<String> {
        self.run(servers, &[command.to_owned()]).remove(0)
    }

    /// Runs commands that each must print `ok`.
    pub(crate) fn must(self, servers: &str, commands: &[String]) {
        let answers = self.run(servers, commands);
        for (command, answer) in commands.iter().zip(answers) {
            assert_eq!(answer, ["ok"], "{self:?}: {command}");
        }
    }
}

/// Runs kcat with this as its input, and gives what it printed.
pub(crate) fn kcat(servers: &str, arguments: &[&str], input: &str) -> String {
    thalweg_harness::kcat(servers, arguments, input.as_bytes()).unwrap()
}

/// All records of a topic, or of one partition of it, by kcat, in the words of
/// the other clients' `read`.
pub(crate) fn kcat_read(servers: &str, topic: &str, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["-C", "-e", "-q", "-Z", "-t", topic];
    arguments.extend(["-f", "%p\t%o\t%T\t%k\t%s\t%h\n"]);
    arguments.extend(more);
    let printed = kcat(servers, &arguments, "");
    let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    lines.sort_by_key(|line| place(line));
    lines
}

/// Partition and offset of a record's line.
pub(crate) fn place(line: &str) -> (i64, i64) {
    let mut words = line.split('\t').map(|word| word.parse().unwrap_or(-1));
    (words.next().unwrap(), words.next().unwrap_or(-1))
}

/// Runs a program of `python/` and gives what it printed.
pub(crate) fn python(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(cache_dir().join("venv/bin/python"));
    command.arg(folder().join("python").join(program)).args(arguments);
    output(command, b"")
}

/// Runs a program that must succeed.
pub(crate) fn output(mut command: Command, input: &[u8]) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("{name}: {error} (scripts/setup interop installs it)");
    });
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{said}", output.status);
    printed
}

pub(crate) fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop"))
}

/// The compiled Java client.
fn classes() -> &'static Path {
    static CLASSES: OnceLock<PathBuf> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-classes");
        std::fs::create_dir_all(&classes).unwrap();
        let mut javac = Command::new("javac");
        javac.args(["-cp", &jars().unwrap(), "-d"]).arg(&classes);
        javac.arg(folder().join("java/Client.java"));
        output(javac, b"");
        classes
    })
}
