//! Rows into Arrow arrays, column by column.

use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, MapArray, PrimitiveArray,
    StringArray, StructArray,
};
use arrow_buffer::{
    ArrowNativeType, BooleanBufferBuilder, NullBufferBuilder, OffsetBuffer, ScalarBuffer, i256,
};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use thalweg_core::batch::{Cell, Columns, NodeId};
use thalweg_core::codec::UNAVAILABLE_PLACEHOLDER;

/// Values of one column under construction.
pub(super) enum Values {
    Bool(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    /// Decimals by their unscaled number.
    Int128(Vec<i128>),
    Int256(Vec<i256>),
    /// Text and bytes.
    Bytes {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
    /// Fields.
    Struct(Vec<Builder>),
    /// The elements of lists, or the entries of maps.
    List {
        ends: Vec<i32>,
        items: Box<Builder>,
    },
}

/// One column under construction.
pub(super) struct Builder {
    data_type: DataType,
    nulls: NullBufferBuilder,
    pub(super) values: Values,
}

impl Builder {
    pub(super) fn new(data_type: &DataType) -> Self {
        let values = match data_type {
            DataType::Boolean => Values::Bool(BooleanBufferBuilder::new(0)),
            DataType::Int8 => Values::Int8(Vec::new()),
            DataType::Int16 => Values::Int16(Vec::new()),
            DataType::Int32 | DataType::Date32 | DataType::Time32(_) => Values::Int32(Vec::new()),
            DataType::Int64 | DataType::Timestamp(..) => Values::Int64(Vec::new()),
            DataType::Float32 => Values::Float32(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Decimal128(..) => Values::Int128(Vec::new()),
            DataType::Decimal256(..) => Values::Int256(Vec::new()),
            DataType::Struct(fields) => Values::Struct(Self::of_fields(fields)),
            DataType::List(item) | DataType::Map(item, _) => {
                Values::List { ends: vec![0], items: Box::new(Self::new(item.data_type())) }
            }
            _ => Values::Bytes { ends: vec![0], bytes: Vec::new() },
        };
        Self { data_type: data_type.clone(), nulls: NullBufferBuilder::new(0), values }
    }

    pub(super) fn of_fields(fields: &Fields) -> Vec<Self> {
        fields.iter().map(|field| Self::new(field.data_type())).collect()
    }

    /// Adds a node's values of these rows. `within` says in which of them the
    /// struct around it is there; none is all. The rows were checked to fit.
    pub(super) fn append(
        &mut self,
        columns: &Columns,
        node: NodeId,
        rows: &[u32],
        within: Option<&[bool]>,
    ) {
        let cells = Cells { columns, node, rows, within };
        match &mut self.values {
            Values::Bool(bools) => cells.each(&mut self.nulls, |cell| {
                bools.append(matches!(cell, Cell::Bool(true)));
            }),
            Values::Int8(values) => cells.ints(&mut self.nulls, values),
            Values::Int16(values) => cells.ints(&mut self.nulls, values),
            Values::Int32(values) => cells.ints(&mut self.nulls, values),
            Values::Int64(values) => cells.each(&mut self.nulls, |cell| match cell {
                Cell::Int(int) => values.push(int),
                _ => values.push(0),
            }),
            Values::Float32(values) => {
                #[allow(clippy::cast_possible_truncation, reason = "the schema says 32 bits")]
                cells.each(&mut self.nulls, |cell| values.push(float(cell) as f32));
            }
            Values::Float64(values) => {
                cells.each(&mut self.nulls, |cell| values.push(float(cell)));
            }
            Values::Int128(values) => cells.each(&mut self.nulls, |cell| {
                values.push(columns.bytes(cell).and_then(int128).unwrap_or_default());
            }),
            Values::Int256(values) => cells.each(&mut self.nulls, |cell| {
                values.push(columns.bytes(cell).and_then(int256).unwrap_or_default());
            }),
            Values::Bytes { ends, bytes } => cells.each(&mut self.nulls, |cell| {
                match cell {
                    Cell::Unavailable => {
                        bytes.extend_from_slice(UNAVAILABLE_PLACEHOLDER.as_bytes())
                    }
                    cell => bytes.extend_from_slice(columns.bytes(cell).unwrap_or_default()),
                }
                ends.push(end(bytes.len()));
            }),
            Values::Struct(fields) => {
                let present: Vec<bool> = cells.presence().collect();
                append_struct(fields, &mut self.nulls, columns, node, rows, &present);
            }
            Values::List { ends, items } => {
                let mut children = Vec::new();
                cells.each(&mut self.nulls, |cell| {
                    if let Cell::Span { start, len } = cell {
                        children.extend(start..start.saturating_add(len));
                    }
                    let before = ends.last().copied().unwrap_or_default();
                    let added = if let Cell::Span { len, .. } = cell { len } else { 0 };
                    ends.push(before.saturating_add(i32::try_from(added).unwrap_or(i32::MAX)));
                });
                if let Some(elements) = columns.items(node) {
                    items.append(elements, 0, &children, None);
                }
            }
        }
    }

    /// Ends the column: its values as an array.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = self.nulls.finish();
        let data_type = &self.data_type;
        Ok(match &mut self.values {
            Values::Bool(bools) => Arc::new(BooleanArray::new(bools.finish(), nulls)),
            Values::Int8(v) => primitive::<Int8Type>(v, nulls, data_type)?,
            Values::Int16(v) => primitive::<Int16Type>(v, nulls, data_type)?,
            Values::Int32(v) => match data_type {
                DataType::Date32 => primitive::<Date32Type>(v, nulls, data_type)?,
                DataType::Time32(_) => primitive::<Time32MillisecondType>(v, nulls, data_type)?,
                _ => primitive::<Int32Type>(v, nulls, data_type)?,
            },
            Values::Int64(v) => match data_type {
                DataType::Timestamp(..) => {
                    primitive::<TimestampMillisecondType>(v, nulls, data_type)?
                }
                _ => primitive::<Int64Type>(v, nulls, data_type)?,
            },
            Values::Float32(v) => primitive::<Float32Type>(v, nulls, data_type)?,
            Values::Float64(v) => primitive::<Float64Type>(v, nulls, data_type)?,
            Values::Int128(v) => primitive::<Decimal128Type>(v, nulls, data_type)?,
            Values::Int256(v) => primitive::<Decimal256Type>(v, nulls, data_type)?,
            Values::Bytes { ends, bytes } => {
                let (ends, bytes) = (take_ends(ends), std::mem::take(bytes).into());
                match data_type {
                    DataType::Binary => Arc::new(BinaryArray::try_new(ends, bytes, nulls)?),
                    _ => Arc::new(StringArray::try_new(ends, bytes, nulls)?),
                }
            }
            Values::Struct(fields) => {
                let DataType::Struct(schema) = data_type else { return Err(mismatch()) };
                let arrays = fields.iter_mut().map(Self::finish).collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new(schema.clone(), arrays, nulls)?)
            }
            Values::List { ends, items } => {
                let (ends, items) = (take_ends(ends), items.finish()?);
                list(data_type, ends, items, nulls)?
            }
        })
    }
}

fn append_struct(
    fields: &mut [Builder],
    nulls: &mut NullBufferBuilder,
    columns: &Columns,
    node: NodeId,
    rows: &[u32],
    present: &[bool],
) {
    let all = present.iter().all(|present| *present);
    if all {
        nulls.append_n_non_nulls(present.len());
    } else {
        present.iter().for_each(|present| nulls.append(*present));
    }
    let within = (!all).then_some(present);
    let layout = columns.layout();
    for (builder, field) in fields.iter_mut().zip(layout.fields(node)) {
        builder.append(columns, field, rows, within);
    }
}

fn list(
    data_type: &DataType,
    ends: OffsetBuffer<i32>,
    items: ArrayRef,
    nulls: Option<arrow_buffer::NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    match data_type {
        DataType::List(item) => {
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), ends, items, nulls)?))
        }
        DataType::Map(entry, ordered) => {
            let entries = items.as_any().downcast_ref::<StructArray>().ok_or_else(mismatch)?;
            let entry: Arc<Field> = Arc::clone(entry);
            Ok(Arc::new(MapArray::try_new(entry, ends, entries.clone(), nulls, *ordered)?))
        }
        _ => Err(mismatch()),
    }
}

fn mismatch() -> ArrowError {
    ArrowError::SchemaError("a column is not of its type".to_owned())
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<arrow_buffer::NullBuffer>,
    data_type: &DataType,
) -> Result<ArrayRef, ArrowError>
where
    T::Native: ArrowNativeType,
{
    let values = ScalarBuffer::from(std::mem::take(values));
    let array = PrimitiveArray::<T>::try_new(values, nulls)?;
    Ok(Arc::new(array.with_data_type(data_type.clone())))
}

fn take_ends(ends: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(std::mem::replace(ends, vec![0]).into())
}

/// The cells of one node in some rows.
#[derive(Clone, Copy)]
struct Cells<'a> {
    columns: &'a Columns,
    node: NodeId,
    rows: &'a [u32],
    within: Option<&'a [bool]>,
}

impl Cells<'_> {
    /// Calls for each cell in turn and notes which are null. A null's value is
    /// called for too: it takes a place.
    #[inline]
    fn each(&self, nulls: &mut NullBufferBuilder, mut value: impl FnMut(Cell)) {
        for (index, &row) in self.rows.iter().enumerate() {
            let there = self.within.is_none_or(|within| within[index]);
            let cell = if there { self.columns.cell(self.node, row as usize) } else { Cell::Null };
            nulls.append(!cell.is_null());
            value(cell);
        }
    }

    #[inline]
    fn ints<T: TryFrom<i64> + Default>(&self, nulls: &mut NullBufferBuilder, into: &mut Vec<T>) {
        self.each(nulls, |cell| match cell {
            Cell::Int(int) => into.push(T::try_from(int).unwrap_or_default()),
            _ => into.push(T::default()),
        });
    }

    fn presence(&self) -> impl Iterator<Item = bool> + '_ {
        self.rows.iter().enumerate().map(|(index, &row)| {
            self.within.is_none_or(|within| within[index])
                && self.columns.present(self.node, row as usize)
        })
    }
}

fn float(cell: Cell) -> f64 {
    match cell {
        Cell::Float(float) => float,
        _ => 0.0,
    }
}

/// Bytes of text in one chunk stay far below 2 GiB.
fn end(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// A number of at most 16 bytes, the highest first, in two's complement.
pub(super) fn int128(bytes: &[u8]) -> Option<i128> {
    let bytes = significant(bytes);
    let (first, rest) = (16_usize.checked_sub(bytes.len())?, bytes);
    let mut whole = [sign(bytes); 16];
    whole[first..].copy_from_slice(rest);
    Some(i128::from_be_bytes(whole))
}

/// A number of at most 32 bytes.
pub(super) fn int256(bytes: &[u8]) -> Option<i256> {
    let bytes = significant(bytes);
    let first = 32_usize.checked_sub(bytes.len())?;
    let mut whole = [sign(bytes); 32];
    whole[first..].copy_from_slice(bytes);
    Some(i256::from_be_bytes(whole))
}

fn sign(bytes: &[u8]) -> u8 {
    if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xff } else { 0 }
}

/// Without leading bytes that say nothing.
fn significant(mut bytes: &[u8]) -> &[u8] {
    while let [first, second, ..] = bytes
        && ((*first == 0 && second & 0x80 == 0) || (*first == 0xff && second & 0x80 != 0))
    {
        bytes = &bytes[1..];
    }
    bytes
}
