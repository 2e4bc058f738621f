//! Where the source is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use thalweg_core::{ConnectError, JsonMap, Position};

/// A place in the write-ahead log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lsn(pub(crate) u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Lsn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is not an LSN such as 0/16B3748");
        let (high, low) = text.split_once('/').ok_or_else(wrong)?;
        let part = |text: &str| u32::from_str_radix(text, 16).map_err(|_| wrong());
        Ok(Self((u64::from(part(high)?) << 32) | u64::from(part(low)?)))
    }
}

impl Serialize for Lsn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The server that positions are of: those of another one mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The cluster's system identifier.
    pub(crate) system_id: String,
    /// Its timeline.
    pub(crate) timeline: u32,
    /// The slot; none if nothing is streamed.
    pub(crate) slot: Option<String>,
}

/// How far the stream is. Transactions come in the order of their commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamPlace {
    /// Transactions whose commit is before it are done. Upstream may be told
    /// that it is durable once this position is.
    pub(crate) flush_lsn: Lsn,
    /// The commit of the transaction that is done in part, if one is.
    #[serde(default)]
    pub(crate) commit_lsn: Lsn,
    /// How many of its messages are done, counted before any filter.
    #[serde(default)]
    pub(crate) ordinal: u64,
}

/// How far the snapshot is. Its chunks are in the source's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SnapshotPhase {
    /// Some tables are not done.
    Running,
    /// All tables are done, or none was to be read.
    Done,
}

/// What of a position Thalweg itself goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The server.
    #[serde(flatten)]
    pub(crate) origin: Origin,
    /// The snapshot.
    pub(crate) snapshot: SnapshotPhase,
    /// The stream.
    #[serde(flatten)]
    pub(crate) stream: StreamPlace,
}

/// What of a position Debezium shows, for those who look it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The last message.
    pub(crate) lsn: Lsn,
    /// The last commit.
    pub(crate) lsn_commit: Lsn,
    /// The last message's transaction.
    pub(crate) tx_id: Option<u32>,
    /// Its commit, in µs since 1970.
    pub(crate) ts_us: i64,
    /// Its kind, such as `INSERT`.
    pub(crate) message: Option<&'static str>,
}

/// The field of a position with what Thalweg goes by.
const OURS: &str = "thalweg";

impl Place {
    /// As the runtime keeps it.
    pub(crate) fn position(&self, shown: &Shown) -> Position {
        let mut map = JsonMap::new();
        if self.snapshot == SnapshotPhase::Running {
            map.insert("snapshot".to_owned(), json!("INITIAL"));
            map.insert("last_snapshot_record".to_owned(), json!(false));
        } else {
            map.insert("lsn_proc".to_owned(), json!(shown.lsn.0));
            map.insert("messageType".to_owned(), json!(shown.message));
            map.insert("lsn_commit".to_owned(), json!(shown.lsn_commit.0));
        }
        map.insert("lsn".to_owned(), json!(shown.lsn.0));
        map.insert("txId".to_owned(), json!(shown.tx_id));
        map.insert("ts_usec".to_owned(), json!(shown.ts_us));
        map.insert(OURS.to_owned(), serde_json::to_value(self).unwrap_or(Value::Null));
        Position(map)
    }

    /// Reads a position that may be anything.
    pub(crate) fn parse(position: &Position) -> Result<Self, serde_json::Error> {
        serde_json::from_value(position.0.get(OURS).cloned().unwrap_or(Value::Null))
    }

    /// Reads a stored position.
    ///
    /// # Errors
    /// Fatal, if it is not one of ours: where to go on is not known.
    pub(crate) fn read(position: &Position) -> Result<Self, ConnectError> {
        Self::parse(position).map_err(|error| {
            ConnectError::fatal(format!(
                "the stored position can't be read ({error}): reset the offsets of this connector \
                 to take a new snapshot"
            ))
        })
    }

    /// How far upstream may be told, by a position; cheap, and none if it is
    /// not one of ours.
    pub(crate) fn flush_lsn(position: &Position) -> Option<Lsn> {
        position.0.get(OURS)?.get("flush_lsn")?.as_str()?.parse().ok()
    }

    /// What Debezium shows, as a position has it.
    pub(crate) fn shown(position: &Position) -> Shown {
        let number = |key: &str| position.0.get(key).and_then(Value::as_u64);
        Shown {
            lsn: Lsn(number("lsn").unwrap_or_default()),
            lsn_commit: Lsn(number("lsn_commit").unwrap_or_default()),
            tx_id: number("txId").and_then(|id| u32::try_from(id).ok()),
            ts_us: position.0.get("ts_usec").and_then(Value::as_i64).unwrap_or_default(),
            message: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back() {
        let place = Place {
            origin: Origin { system_id: "7".into(), timeline: 1, slot: Some("s".into()) },
            snapshot: SnapshotPhase::Done,
            stream: StreamPlace { flush_lsn: Lsn(1 << 33), commit_lsn: Lsn(3 << 33), ordinal: 5 },
        };
        let shown =
            Shown { lsn: Lsn(9), tx_id: Some(4), message: Some("INSERT"), ..Shown::default() };
        let position = place.position(&shown);
        assert_eq!(Place::read(&position).unwrap(), place);
        assert_eq!(Place::flush_lsn(&position), Some(Lsn(1 << 33)));
        assert_eq!(Place::shown(&position), Shown { message: None, ..shown });
        assert_eq!(position.0["messageType"], "INSERT");
        assert_eq!(position.0["thalweg"]["commit_lsn"], "6/0");
    }

    #[test]
    fn positions_of_others_are_refused() {
        let mut other = Position::default();
        other.0.insert("lsn".into(), 5.into());
        assert!(Place::read(&other).is_err());
        assert!("0/G".parse::<Lsn>().is_err());
        assert_eq!("16/B374D848".parse(), Ok(Lsn(0x16_B374_D848)));
    }
}
