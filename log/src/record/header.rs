//! The header of a batch.

use super::compression::Compression;
use super::invalid;
use crate::api::Result;

/// Length of a batch header in bytes.
pub const HEADER_LEN: usize = 61;

/// Where the length field ends: the batch length counts from here.
pub(crate) const LENGTH_END: usize = 12;
/// Where the part that the CRC covers begins.
pub(crate) const CRC_START: usize = 21;

const MAGIC: u8 = 2;
const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// The decoded header of a record batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record (before any compaction of the topic).
    pub base_offset: i64,
    /// Length of the whole batch in bytes, header included.
    pub len: usize,
    /// Leader epoch; outside the CRC.
    pub leader_epoch: i32,
    /// CRC-32C of everything from the attributes on, as stored.
    pub crc: u32,
    /// The attribute bits.
    pub attributes: i16,
    /// Offset of the last record minus the base offset.
    pub last_offset_delta: i32,
    /// Timestamp that the records' deltas are added to, in ms since 1970.
    pub base_timestamp: i64,
    /// Largest timestamp of the batch.
    pub max_timestamp: i64,
    /// Id of the idempotent producer, or -1.
    pub producer_id: i64,
    /// Its epoch, or -1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or -1.
    pub base_sequence: i32,
    /// Number of records.
    pub records: i32,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

impl BatchHeader {
    /// Decodes the header at the front of `bytes` and checks that its length
    /// field is sane. Whether the whole batch is there, and its CRC, is for
    /// [`check`](Self::check).
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() < HEADER_LEN {
            return Err(invalid(format!(
                "{} bytes are too short for the header of {HEADER_LEN}",
                bytes.len()
            )));
        }
        let length = i32::from_be_bytes(array(bytes, 8));
        let len = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(LENGTH_END))
            .filter(|&len| len >= HEADER_LEN)
            .ok_or_else(|| invalid(format!("its length field says {length}")))?;
        if bytes[16] != MAGIC {
            return Err(invalid(format!("magic {} is not 2", bytes[16])));
        }
        Ok(Self {
            base_offset: i64::from_be_bytes(array(bytes, 0)),
            len,
            leader_epoch: i32::from_be_bytes(array(bytes, 12)),
            crc: u32::from_be_bytes(array(bytes, 17)),
            attributes: i16::from_be_bytes(array(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(array(bytes, 23)),
            base_timestamp: i64::from_be_bytes(array(bytes, 27)),
            max_timestamp: i64::from_be_bytes(array(bytes, 35)),
            producer_id: i64::from_be_bytes(array(bytes, 43)),
            producer_epoch: i16::from_be_bytes(array(bytes, 51)),
            base_sequence: i32::from_be_bytes(array(bytes, 53)),
            records: i32::from_be_bytes(array(bytes, 57)),
        })
    }

    /// Writes the header over the first [`HEADER_LEN`] bytes of `batch`, whose
    /// length and CRC it computes.
    pub(crate) fn encode_into(&self, batch: &mut [u8]) -> Result<()> {
        let length = i32::try_from(batch.len() - LENGTH_END)
            .map_err(|_| invalid("it is longer than 2 GiB"))?;
        batch[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        batch[16] = MAGIC;
        batch[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        batch[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        batch[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        batch[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        batch[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        batch[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        batch[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        batch[57..61].copy_from_slice(&self.records.to_be_bytes());
        let crc = crc32c::crc32c(&batch[CRC_START..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        Ok(())
    }

    /// Checks the batch at the front of `bytes` against this header: it is
    /// whole, and its CRC is right.
    pub fn check(&self, bytes: &[u8]) -> Result<()> {
        let Some(batch) = bytes.get(..self.len) else {
            return Err(invalid(format!("{} of its {} bytes are there", bytes.len(), self.len)));
        };
        let crc = crc32c::crc32c(&batch[CRC_START..]);
        if crc != self.crc {
            return Err(invalid(format!(
                "its CRC-32C is {crc:08x}, not {:08x} as it says",
                self.crc
            )));
        }
        Ok(())
    }

    /// Offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// When the tombstones of this batch may be forgotten, in ms since 1970, if
    /// a compaction has said so. Kafka keeps it in the base timestamp.
    #[must_use]
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Sets the time at which the tombstones may be forgotten. The records'
    /// timestamps count from it then.
    pub(crate) fn set_delete_horizon(&mut self, horizon_ms: i64) {
        self.attributes |= DELETE_HORIZON;
        self.base_timestamp = horizon_ms;
    }

    /// The same without records: what is left of a batch when all of them went.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            len: HEADER_LEN,
            attributes: self.attributes & !(CODEC_MASK | DELETE_HORIZON),
            base_timestamp: self.max_timestamp,
            records: 0,
            ..*self
        }
    }

    /// How the records are compressed; an error for a codec that does not exist.
    pub fn compression(&self) -> Result<Compression> {
        Compression::from_code(self.attributes & CODEC_MASK)
    }

    /// Whether all records carry the time of their append, `max_timestamp`.
    #[must_use]
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Whether the batch is part of a Kafka transaction.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether this is a control batch (a transaction marker), not data.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }
}

/// Sets the base offset of the batch at the front of `batch`, which lies
/// outside its CRC. `batch` must hold at least a header.
pub fn set_base_offset(batch: &mut [u8], base_offset: i64) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
}
