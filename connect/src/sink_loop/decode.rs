//! From record batches to rows, column by column.

use std::sync::Arc;

use thalweg_core::batch::{Batch, Columns, Header};
use thalweg_core::connector::{ReadAs, SinkBatch, SinkPartition, StateStore};
use thalweg_core::schema::Value;
use thalweg_core::{ConnectError, ErrorKind};
use thalweg_log::LogError;
use thalweg_log::record::{BatchDecoder, Batches, Record};

use super::coordinates;
use super::reading::Reading;
use crate::config::Settings;
use crate::converters::{Converter, RowDecoder, Side, Tag};

/// Rows and bytes at which a batch is handed over.
const ROWS_MAX: usize = 1 << 16;
const BYTES_MAX: usize = 8 << 20;
/// Rows between two looks at the bytes.
const LOOK_ROWS: usize = 256;

/// The decoders of one partition.
pub(super) struct Decoders {
    key: SideDecoder,
    value: SideDecoder,
}

/// The decoder of one side of its records.
struct SideDecoder {
    decoder: Box<dyn RowDecoder>,
    /// Where records are read with other schemas than their writers'.
    reading: Option<Reading>,
}

impl Decoders {
    /// For records from the first of these offsets on; the second is the
    /// partition's end.
    pub(super) fn new(
        settings: &Settings,
        wanted: ReadAs,
        partition: &SinkPartition,
        (next, end): (i64, i64),
        state: &Arc<dyn StateStore>,
    ) -> Result<Self, ConnectError> {
        let side = |converter: &dyn Converter, wanted, side| {
            let mut decoder = converter.decoder(&partition.topic);
            let reading =
                Reading::open(&mut *decoder, wanted, side, partition, (next, end), state)?;
            Ok::<_, ConnectError>(SideDecoder { decoder, reading })
        };
        Ok(Self {
            key: side(&*settings.key, ReadAs::Written, Side::Key)?,
            value: side(&*settings.value, wanted, Side::Value)?,
        })
    }

    fn begin(&mut self) {
        for side in [&mut self.key, &mut self.value] {
            if let Some(reading) = &mut side.reading {
                reading.begin();
            }
        }
    }
}

impl SideDecoder {
    #[inline]
    async fn tag(
        &mut self,
        bytes: Option<&[u8]>,
        offset: i64,
    ) -> Result<Option<Tag>, ConnectError> {
        let Some(bytes) = bytes else { return Ok(None) };
        if let Some(reading) = &mut self.reading
            && let Some(versioned) = self.decoder.versioned()
            && !reading.is_set(offset, bytes, versioned)?
        {
            reading.set(offset, bytes, versioned).await?;
        }
        match self.decoder.tag(bytes)? {
            Some(tag) => Ok(Some(tag)),
            None => self.decoder.learn(bytes).await.map(Some),
        }
    }
}

/// What was decoded.
pub(super) struct Decoded {
    /// The rows before the error, if there is one.
    pub(super) batches: Vec<SinkBatch>,
    /// The offset after them.
    pub(super) next: i64,
    /// The record that can't be decoded.
    pub(super) error: Option<ConnectError>,
}

/// A record that can't be decoded.
struct Stopped {
    offset: i64,
    error: ConnectError,
}

/// Decodes all records from offset `next` on.
pub(super) async fn decode(
    bytes: &[u8],
    next: i64,
    partition: &SinkPartition,
    decoders: &mut Decoders,
    opener: &mut BatchDecoder,
) -> Decoded {
    match until(bytes, next, i64::MAX, partition, decoders, opener).await {
        Ok((batches, next)) => Decoded { batches, next, error: None },
        Err(Stopped { offset, error }) if error.kind() == ErrorKind::BadRecord => {
            // Again, up to that record: a row that was half decoded is not
            // there, and the sink gets all that came before it.
            match until(bytes, next, offset, partition, decoders, opener).await {
                Ok((batches, next)) => Decoded { batches, next, error: Some(error) },
                Err(Stopped { error, .. }) => {
                    Decoded { batches: Vec::new(), next, error: Some(error) }
                }
            }
        }
        Err(Stopped { error, .. }) => Decoded { batches: Vec::new(), next, error: Some(error) },
    }
}

async fn until(
    bytes: &[u8],
    from: i64,
    stop: i64,
    partition: &SinkPartition,
    decoders: &mut Decoders,
    opener: &mut BatchDecoder,
) -> Result<(Vec<SinkBatch>, i64), Stopped> {
    let mut rows = Rows::new(partition);
    let mut next = from;
    decoders.begin();
    let damaged = |offset: i64, error: &LogError| Stopped {
        offset,
        error: ConnectError::bad_record(coordinates(partition, Some(offset)), error.to_string()),
    };
    for batch in Batches::new(bytes) {
        let batch = batch.map_err(|error| damaged(next, &error))?;
        if !batch.header.is_control() {
            let records = opener.decode(&batch).map_err(|error| damaged(next, &error))?;
            for record in records {
                let record = record.map_err(|error| damaged(next, &error))?;
                if record.offset < from {
                    continue;
                }
                if record.offset >= stop {
                    return Ok((rows.finish(), record.offset));
                }
                next = record.offset;
                push(&mut rows, &record, decoders).await.map_err(|error| Stopped {
                    offset: record.offset,
                    error: at(partition, record.offset, error),
                })?;
                next += 1;
            }
        }
        next = next.max(batch.header.last_offset() + 1);
    }
    Ok((rows.finish(), next))
}

/// The error, told with the record that it is about.
#[cold]
fn at(partition: &SinkPartition, offset: i64, error: ConnectError) -> ConnectError {
    if error.kind() != ErrorKind::BadRecord || error.coordinates().is_some() {
        return error;
    }
    let message = format!(
        "a record can't be decoded: {error}; correct the converter, or skip the record: stop the \
         connector, set its offset to {} (PATCH /connectors/NAME/offsets), resume it",
        offset + 1
    );
    ConnectError::bad_record(coordinates(partition, Some(offset)), message)
}

async fn push(
    rows: &mut Rows<'_>,
    record: &Record<'_>,
    decoders: &mut Decoders,
) -> Result<(), ConnectError> {
    let key = decoders.key.tag(record.key, record.offset).await?;
    let value = decoders.value.tag(record.value, record.offset).await?;
    rows.make_room(key, value, decoders);
    if let (Some(tag), Some(bytes), Some((_, columns))) = (key, record.key, &mut rows.key) {
        decoders.key.decoder.decode(tag, bytes, columns)?;
    } else if let Some((_, columns)) = &mut rows.key {
        columns.absent_row();
    }
    if let (Some(tag), Some(bytes), Some((_, columns))) = (value, record.value, &mut rows.value) {
        decoders.value.decoder.decode(tag, bytes, columns)?;
    } else if let Some((_, columns)) = &mut rows.value {
        columns.absent_row();
    }
    rows.end_row(record)
}

/// Rows under construction. A null fits any schema.
struct Rows<'a> {
    partition: &'a SinkPartition,
    key: Option<(Tag, Columns)>,
    value: Option<(Tag, Columns)>,
    offsets: Vec<i64>,
    timestamps: Vec<i64>,
    headers: Vec<Header>,
    done: Vec<SinkBatch>,
}

impl<'a> Rows<'a> {
    fn new(partition: &'a SinkPartition) -> Self {
        Self {
            partition,
            key: None,
            value: None,
            offsets: Vec::new(),
            timestamps: Vec::new(),
            headers: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Begins another batch if the next row does not fit into this one.
    fn make_room(&mut self, key: Option<Tag>, value: Option<Tag>, decoders: &Decoders) {
        if !fits(self.key.as_ref(), key) || !fits(self.value.as_ref(), value) || self.is_full() {
            self.close();
        }
        let rows = self.offsets.len();
        begin(&mut self.key, key, &*decoders.key.decoder, rows);
        begin(&mut self.value, value, &*decoders.value.decoder, rows);
    }

    fn is_full(&self) -> bool {
        let rows = self.offsets.len();
        let size = |side: &Option<(Tag, Columns)>| side.as_ref().map_or(0, |(_, c)| c.size());
        rows >= ROWS_MAX
            || (rows > 0
                && rows.is_multiple_of(LOOK_ROWS)
                && size(&self.key) + size(&self.value) > BYTES_MAX)
    }

    fn end_row(&mut self, record: &Record<'_>) -> Result<(), ConnectError> {
        if !record.headers.is_empty() {
            let row = u32::try_from(self.offsets.len()).unwrap_or(u32::MAX);
            for header in record.headers {
                let (key, value) = header.map_err(|error| {
                    ConnectError::bad_record(
                        coordinates(self.partition, Some(record.offset)),
                        error.to_string(),
                    )
                })?;
                self.headers.push(Header {
                    row,
                    key: Arc::from(key),
                    schema: None,
                    value: header_value(value),
                });
            }
        }
        self.offsets.push(record.offset);
        self.timestamps.push(record.timestamp);
        Ok(())
    }

    fn close(&mut self) {
        if self.offsets.is_empty() {
            self.key = None;
            self.value = None;
            return;
        }
        let rows = self.offsets.len();
        self.done.push(SinkBatch {
            partition: self.partition.clone(),
            offsets: std::mem::take(&mut self.offsets),
            batch: Batch {
                topic: Arc::clone(&self.partition.topic),
                key: self.key.take().map(|(_, columns)| columns),
                value: self.value.take().map(|(_, columns)| columns),
                timestamps: std::mem::take(&mut self.timestamps),
                ordinals: Vec::new(),
                headers: std::mem::take(&mut self.headers),
                rows,
            },
        });
    }

    fn finish(mut self) -> Vec<SinkBatch> {
        self.close();
        self.done
    }
}

fn fits(side: Option<&(Tag, Columns)>, tag: Option<Tag>) -> bool {
    match (side, tag) {
        (Some((has, _)), Some(tag)) => *has == tag,
        _ => true,
    }
}

/// Columns for the first row that is not null; the ones before it were.
fn begin(
    side: &mut Option<(Tag, Columns)>,
    tag: Option<Tag>,
    decoder: &dyn RowDecoder,
    rows: usize,
) {
    if let (None, Some(tag)) = (&side, tag) {
        let mut columns = Columns::new(decoder.layout(tag));
        for _ in 0..rows {
            columns.absent_row();
        }
        *side = Some((tag, columns));
    }
}

fn header_value(bytes: Option<&[u8]>) -> Value {
    match bytes {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(bytes.to_vec()),
        },
    }
}
