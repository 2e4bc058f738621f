//! What is left of one batch.

use super::key_map::KeyMap;
use super::{OPENED_BYTES_MAX, PassSettings, is_opened};
use crate::api::Result;
use crate::record::{
    Batch, BatchDecoder, BatchHeader, Compression, HEADER_LEN, RawRecord, RawRecords,
};

/// What is left of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// All of it, byte for byte.
    Whole,
    /// These bytes: some of its records, or all with a delete horizon.
    Written(Vec<u8>),
    /// No record.
    Nothing,
}

/// Takes out of batches what later records replace.
pub(super) struct BatchCleaner {
    map: KeyMap,
    /// The map knows all keys before this offset.
    pub(super) to: i64,
    pub(super) now_ms: i64,
    delete_retention_ms: i64,
    /// The next delete horizon of what was kept so far.
    pub(super) next_horizon_ms: Option<i64>,
    /// A batch was kept that could not be looked into. It may hold what a later
    /// tombstone hides.
    has_closed: bool,
    decoder: BatchDecoder,
    proof: BatchDecoder,
    /// Whether each record of the batch at hand is kept.
    marks: Vec<bool>,
    records: Vec<u8>,
}

impl BatchCleaner {
    pub(super) fn new(map: KeyMap, to: i64, settings: &PassSettings) -> Self {
        Self {
            map,
            to,
            now_ms: settings.now_ms,
            delete_retention_ms: settings.delete_retention_ms,
            next_horizon_ms: None,
            has_closed: false,
            decoder: BatchDecoder::new(OPENED_BYTES_MAX),
            proof: BatchDecoder::new(OPENED_BYTES_MAX),
            marks: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Decides about a batch with one record at least. What can't be opened or
    /// written again is kept whole.
    pub(super) fn clean(&mut self, batch: &Batch<'_>) -> Kept {
        let header = &batch.header;
        if header.is_control() || header.base_offset >= self.to {
            return Kept::Whole;
        }
        if !is_opened(header) {
            self.has_closed = true;
            return Kept::Whole;
        }
        // Taken out, so that what it holds may be borrowed.
        let mut decoder = std::mem::replace(&mut self.decoder, BatchDecoder::new(0));
        let kept = decoder.open(batch).and_then(|opened| self.clean_opened(header, opened));
        self.decoder = decoder;
        kept.unwrap_or_else(|error| {
            tracing::warn!(offset = header.base_offset, %error, "a batch can't be compacted");
            self.has_closed = true;
            Kept::Whole
        })
    }

    fn clean_opened(&mut self, header: &BatchHeader, opened: &[u8]) -> Result<Kept> {
        let may_forget = !self.has_closed
            && header.delete_horizon().is_some_and(|horizon_ms| horizon_ms <= self.now_ms);
        let mut marks = std::mem::take(&mut self.marks);
        marks.clear();
        let mut has_tombstone = false;
        for record in RawRecords::new(header, opened) {
            let record = record?;
            let offset = header.base_offset + record.offset_delta;
            let is_forgotten =
                may_forget && record.is_tombstone && record.key.is_some() && offset < self.to;
            let is_kept = !is_forgotten && self.is_last(offset, &record);
            has_tombstone |= is_kept && record.is_tombstone;
            marks.push(is_kept);
        }
        let kept = self.write_kept(header, opened, &marks, has_tombstone);
        self.marks = marks;
        kept
    }

    /// Whether no later record has its key. Records without a key, from before
    /// the topic was compacted, have nothing that replaces them.
    fn is_last(&self, offset: i64, record: &RawRecord<'_>) -> bool {
        let last = record.key.and_then(|key| self.map.get(key));
        offset >= self.to || last.is_none_or(|last| last <= offset)
    }

    fn write_kept(
        &mut self,
        header: &BatchHeader,
        opened: &[u8],
        marks: &[bool],
        has_tombstone: bool,
    ) -> Result<Kept> {
        let count = marks.iter().filter(|is_kept| **is_kept).count();
        if count == 0 {
            return Ok(Kept::Nothing);
        }
        let horizon_ms = match header.delete_horizon() {
            Some(horizon_ms) => Some(horizon_ms),
            // Only once what they hide is gone.
            None if has_tombstone && header.last_offset() < self.to => {
                Some(self.now_ms.saturating_add(self.delete_retention_ms))
            }
            None => None,
        };
        let kept = if count == marks.len() && horizon_ms == header.delete_horizon() {
            Kept::Whole
        } else {
            Kept::Written(self.write(header, opened, marks, horizon_ms)?)
        };
        let next = horizon_ms.filter(|horizon_ms| has_tombstone && *horizon_ms > self.now_ms);
        if let Some(next) = next {
            self.next_horizon_ms = Some(self.next_horizon_ms.map_or(next, |known| known.min(next)));
        }
        Ok(kept)
    }

    /// The marked records as a batch with the offsets of the whole one.
    fn write(
        &mut self,
        header: &BatchHeader,
        opened: &[u8],
        marks: &[bool],
        horizon_ms: Option<i64>,
    ) -> Result<Vec<u8>> {
        let mut new = *header;
        if let Some(horizon_ms) = horizon_ms.filter(|_| header.delete_horizon().is_none()) {
            new.set_delete_horizon(horizon_ms);
        }
        let later_by = new.base_timestamp.wrapping_sub(header.base_timestamp);
        self.records.clear();
        new.records = 0;
        let mut max_timestamp = i64::MIN;
        for (record, _) in RawRecords::new(header, opened).zip(marks).filter(|(_, kept)| **kept) {
            let record = record?;
            max_timestamp = max_timestamp.max(record.timestamp(header.base_timestamp));
            if later_by == 0 {
                record.copy(&mut self.records);
            } else {
                record.copy_shifted(&mut self.records, later_by);
            }
            new.records += 1;
        }
        if !header.is_log_append_time() {
            new.max_timestamp = max_timestamp;
        }
        let compression = header.compression()?;
        let mut out = Vec::with_capacity(HEADER_LEN + self.records.len());
        out.resize(HEADER_LEN, 0);
        compression.compress(&self.records, &mut out)?;
        new.encode_into(&mut out)?;
        if compression != Compression::None {
            self.prove(&out)?;
        }
        Ok(out)
    }

    /// Opens what was compressed: the records that it replaces will be gone.
    fn prove(&mut self, out: &[u8]) -> Result<()> {
        let batch = Batch { header: BatchHeader::decode(out)?, bytes: out };
        if self.proof.open(&batch)? == self.records {
            return Ok(());
        }
        Err(crate::LogError::InvalidBatch("its records change when they are compressed".to_owned()))
    }
}
