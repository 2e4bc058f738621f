//! Which schema the rows of a partition are read with, where that is another one
//! than they were written with.
//!
//! A row's schema depends on the rows before it (the newest version so far) or on
//! when it was read (the newest version of its subject). A sink that is exactly
//! once must be given the same rows after a restart, so a change of the schema is
//! put into the sink's state, with the offset from which it counts, before the
//! first row that is read so is handed over.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thalweg_core::ConnectError;
use thalweg_core::connector::{ReadAs, SinkPartition, StateStore};

use crate::converters::{RowDecoder, Side, Versioned};

/// What the keys of the state begin with: no sink has such keys.
const PREFIX: &str = "$reading";

/// Which schema counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    /// The newest version that the partition had.
    Newest,
    /// The oldest version that the partition had.
    Oldest,
    /// The newest version that the subject has.
    Latest,
}

/// From an offset on rows are read with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Point {
    from: i64,
    id: u32,
}

/// What is kept of one subject.
#[derive(Serialize, Deserialize)]
struct Kept {
    policy: Policy,
    points: Vec<Point>,
}

/// The schema that rows of one writer's are read with, up to an offset.
#[derive(Clone, Copy, Debug)]
struct Found {
    writer: u32,
    /// None: the writer's.
    reader: Option<u32>,
    until: i64,
}

/// How one side of a partition's records is read.
pub(super) struct Reading {
    policy: Policy,
    prefix: String,
    state: Arc<dyn StateStore>,
    /// The end of the partition when this run began: records before it may have
    /// been read by an earlier one.
    end: i64,
    /// By subject, and by offset.
    points: BTreeMap<Arc<str>, Vec<Point>>,
    /// What holds for the rows at hand, by writer's schema.
    found: HashMap<u32, Found>,
    /// What holds for the last row.
    last: Option<Found>,
}

impl Reading {
    /// How a decoder is to read the records of a partition from offset `next` on,
    /// which ends at `end` by now; none if each is read with its writer's schema.
    pub(super) fn open(
        decoder: &mut dyn RowDecoder,
        wanted: ReadAs,
        side: Side,
        partition: &SinkPartition,
        (next, end): (i64, i64),
        state: &Arc<dyn StateStore>,
    ) -> Result<Option<Self>, ConnectError> {
        let Some(versioned) = decoder.versioned() else { return Ok(None) };
        let policy = match wanted {
            _ if versioned.wants_newest() => Policy::Latest,
            ReadAs::Written => return Ok(None),
            ReadAs::Newest => Policy::Newest,
            ReadAs::Oldest => Policy::Oldest,
        };
        let SinkPartition { topic_id, partition, .. } = partition;
        let prefix = format!("{PREFIX}/{}/{topic_id}/{partition}/", side.name());
        let mut points = BTreeMap::new();
        for (key, value) in state.list(&prefix) {
            let kept: Kept = serde_json::from_value(value).map_err(|error| {
                ConnectError::fatal(format!("{key} in the sink's state is damaged: {error}"))
            })?;
            if kept.policy == policy {
                let mut kept = kept.points;
                // No row before this one is read again.
                let at = kept.partition_point(|point| point.from <= next);
                kept.drain(..at.saturating_sub(1));
                points.insert(Arc::from(&key[prefix.len()..]), kept);
            }
        }
        let (found, last) = (HashMap::new(), None);
        Ok(Some(Self { policy, prefix, state: Arc::clone(state), end, points, found, last }))
    }

    /// Rows of other offsets follow, and the registry may have changed.
    pub(super) fn begin(&mut self) {
        self.found.clear();
        self.last = None;
    }

    /// Lets the decoder read a record with the right schema, if that is known
    /// already.
    #[inline]
    pub(super) fn is_set(
        &mut self,
        offset: i64,
        bytes: &[u8],
        versioned: &mut dyn Versioned,
    ) -> Result<bool, ConnectError> {
        let writer = versioned.writer(bytes)?;
        let holds = |found: &Found| found.writer == writer && offset < found.until;
        if self.last.as_ref().is_some_and(holds) {
            return Ok(true);
        }
        let found = self.found.get(&writer).copied().filter(holds);
        if let Some(found) = found {
            versioned.read_as(found.reader);
            self.last = Some(found);
        }
        Ok(found.is_some())
    }

    /// Finds out which schema a record is read with, and lets the decoder do so.
    pub(super) async fn set(
        &mut self,
        offset: i64,
        bytes: &[u8],
        versioned: &mut dyn Versioned,
    ) -> Result<(), ConnectError> {
        let writer = versioned.writer(bytes)?;
        let (reader, until) = match self.policy {
            Policy::Latest => self.latest(offset, writer, versioned).await?,
            Policy::Newest | Policy::Oldest => self.extreme(offset, writer, versioned).await?,
        };
        versioned.read_as(reader);
        let found = Found { writer, reader, until };
        self.found.insert(writer, found);
        self.last = Some(found);
        Ok(())
    }

    async fn latest(
        &mut self,
        offset: i64,
        writer: u32,
        versioned: &mut dyn Versioned,
    ) -> Result<(Option<u32>, i64), ConnectError> {
        let Some(newest) = versioned.newest(writer).await? else { return Ok((None, i64::MAX)) };
        let (current, until) = self.at(&newest.subject, offset);
        if current == Some(newest.id) {
            return Ok((current, until));
        }
        // What an earlier run read with another one is read with that again.
        if current.is_some() && (until < i64::MAX || offset < self.end) {
            return Ok((current, if until < i64::MAX { until } else { self.end }));
        }
        self.add(&newest.subject, Point { from: offset, id: newest.id }).await?;
        Ok((Some(newest.id), until))
    }

    /// The newest or the oldest version up to this record.
    async fn extreme(
        &mut self,
        offset: i64,
        writer: u32,
        versioned: &mut dyn Versioned,
    ) -> Result<(Option<u32>, i64), ConnectError> {
        let Some(own) = versioned.version(writer).await? else { return Ok((None, i64::MAX)) };
        let (current, until) = self.at(&own.subject, offset);
        if let Some(current) = current
            && let Some(known) = versioned.version(current).await?
        {
            let stays = match self.policy {
                Policy::Oldest => known.version <= own.version,
                Policy::Newest | Policy::Latest => known.version >= own.version,
            };
            if stays && known.subject == own.subject {
                return Ok((Some(current), until));
            }
        }
        self.add(&own.subject, Point { from: offset, id: writer }).await?;
        Ok((Some(writer), until))
    }

    /// The schema that counts at an offset, and the offset from which another
    /// one does.
    fn at(&self, subject: &str, offset: i64) -> (Option<u32>, i64) {
        let points = self.points.get(subject).map_or(&[][..], Vec::as_slice);
        let next = points.partition_point(|point| point.from <= offset);
        let current = next.checked_sub(1).and_then(|at| points.get(at)).map(|point| point.id);
        (current, points.get(next).map_or(i64::MAX, |point| point.from))
    }

    async fn add(&mut self, subject: &Arc<str>, point: Point) -> Result<(), ConnectError> {
        let mut points = self.points.get(subject).cloned().unwrap_or_default();
        let at = points.partition_point(|known| known.from < point.from);
        match points.get_mut(at).filter(|known| known.from == point.from) {
            Some(known) => *known = point,
            None => points.insert(at, point),
        }
        let kept = serde_json::to_value(Kept { policy: self.policy, points: points.clone() });
        let kept = kept.map_err(|error| ConnectError::fatal(format!("{subject}: {error}")))?;
        self.state.put(vec![(format!("{}{subject}", self.prefix), Some(kept))]).await?;
        self.points.insert(Arc::clone(subject), points);
        // Rows of other writers are read with it too.
        self.found.clear();
        Ok(())
    }
}
