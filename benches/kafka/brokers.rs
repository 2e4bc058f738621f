//! Both brokers, and topics that are durable or not.

use std::process::Command;

use anyhow::{Context, Result, bail};
use thalweg_harness::measure::cpu_seconds;
use thalweg_harness::{Kafka, Thalweg, ThalwegOptions};

use crate::client::{Client, Printed};

/// When a record is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When the system has it.
    PageCache,
    /// When the disk has it.
    Fsync,
}

impl Durability {
    pub(crate) const ALL: [Self; 2] = [Self::PageCache, Self::Fsync];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PageCache => "page cache",
            Self::Fsync => "fsync",
        }
    }
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Kafka,
    Thalweg,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "Kafka",
            Self::Thalweg => "Thalweg",
        }
    }

    /// Both, the one that was second first in the next round.
    pub(crate) fn in_round(round: u64) -> [Self; 2] {
        if round.is_multiple_of(2) {
            [Self::Kafka, Self::Thalweg]
        } else {
            [Self::Thalweg, Self::Kafka]
        }
    }
}

/// The running brokers. Kafka's durability is a setting of a topic, ours of the
/// log, so there are two of ours.
pub(crate) struct Brokers {
    pub(crate) client: Client,
    kafka: Kafka,
    ours: [Thalweg; 2],
    _folder: tempfile::TempDir,
}

/// What a case took.
pub(crate) struct Ran {
    pub(crate) printed: Printed,
    /// Of the broker, for a million records.
    pub(crate) cpu_seconds: f64,
}

impl Brokers {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let client = Client::compile(folder.path())?;
        let ours = |durability: &str| {
            let config = folder.path().join(durability).with_extension("toml");
            std::fs::write(&config, format!("[log]\ndurability = \"{durability}\"\n"))?;
            Thalweg::start(&ThalwegOptions {
                binary: env!("CARGO_BIN_EXE_thalweg").into(),
                arguments: vec!["--config".to_owned(), config.display().to_string()],
                ..ThalwegOptions::default()
            })
        };
        let ours = [ours("page-cache")?, ours("fsync")?];
        let kafka = Kafka::start_as_shipped(&["auto.create.topics.enable=false"])?;
        Ok(Self { client, kafka, ours, _folder: folder })
    }

    fn address_and_pid(&self, side: Side, durability: Durability) -> Result<(String, u32)> {
        Ok(match (side, durability) {
            (Side::Kafka, _) => {
                (self.kafka.address(), self.kafka.pid().context("Kafka is stopped")?)
            }
            (Side::Thalweg, Durability::PageCache) => {
                (self.ours[0].kafka().to_owned(), self.ours[0].pid())
            }
            (Side::Thalweg, Durability::Fsync) => {
                (self.ours[1].kafka().to_owned(), self.ours[1].pid())
            }
        })
    }

    /// Makes a topic, has the client run a command on it and others after it, and
    /// deletes it. What each took.
    pub(crate) fn run(
        &self,
        side: Side,
        durability: Durability,
        partitions: u32,
        commands: &[Vec<&str>],
    ) -> Result<Vec<Ran>> {
        const TOPIC: &str = "bench";
        let (address, pid) = self.address_and_pid(side, durability)?;
        // What earlier cases have left to be written is not this one's.
        if !Command::new("sync").status()?.success() {
            bail!("sync failed");
        }
        let partitions = partitions.to_string();
        let mut create = vec!["create", TOPIC, &partitions];
        if (side, durability) == (Side::Kafka, Durability::Fsync) {
            create.push("flush.messages=1");
        }
        self.client.run(&address, &create)?;
        let mut ran = Vec::new();
        for command in commands {
            let mut words = vec![command[0], TOPIC];
            words.extend(&command[1..]);
            let before = cpu_seconds(pid).context("the broker is gone")?;
            let printed = self.client.run(&address, &words)?;
            let after = cpu_seconds(pid).context("the broker is gone")?;
            let cpu_seconds = (after - before) / printed.get("acked")? * 1e6;
            ran.push(Ran { printed, cpu_seconds });
        }
        self.client.run(&address, &["delete", TOPIC])?;
        Ok(ran)
    }
}
