//! Text: `org.apache.kafka.connect.storage.StringConverter`.

use std::io::Write;
use std::sync::Arc;

use thalweg_core::batch::{Cell, Columns, Layout, NodeId, NodeKind};
use thalweg_core::schema::{Kind, SchemaBuilder};
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};

use super::{Converter, OneLayout, RowDecoder, RowEncoder, add_bytes};

/// Writes what Java's `toString` would: scalars bare, structs as
/// `Struct{id=1,name=x}` without their nulls. Reads text.
#[derive(Debug, Default)]
pub struct StringConverter;

impl Converter for StringConverter {
    fn encoder<'a>(
        &'a self,
        _topic: &'a str,
        _layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, ConnectError>> {
        Box::pin(std::future::ready(Ok(Arc::new(TextEncoder) as Arc<dyn RowEncoder>)))
    }

    fn decoder(&self, _topic: &str) -> Box<dyn RowDecoder> {
        let schema = SchemaBuilder::string().optional().build();
        Box::new(TextDecoder { layout: Layout::of(&schema) })
    }
}

struct TextEncoder;

impl RowEncoder for TextEncoder {
    fn encode(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConnectError> {
        if !columns.has_row(row) || is_null(columns, Layout::ROOT, row) {
            return Ok(false);
        }
        write(columns, Layout::ROOT, row, out);
        Ok(true)
    }
}

fn is_null(columns: &Columns, node: NodeId, row: usize) -> bool {
    match columns.layout().node(node).kind {
        NodeKind::Struct => !columns.present(node, row),
        _ => columns.cell(node, row).is_null(),
    }
}

fn write(columns: &Columns, node: NodeId, row: usize, out: &mut Vec<u8>) {
    let layout = columns.layout();
    match &layout.node(node).kind {
        NodeKind::Leaf => write_leaf(columns, node, row, out),
        NodeKind::Struct => {
            out.extend_from_slice(b"Struct{");
            let mut first = true;
            for field in layout.fields(node).filter(|&field| !is_null(columns, field, row)) {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.extend_from_slice(layout.node(field).name.as_bytes());
                out.push(b'=');
                write(columns, field, row, out);
            }
            out.push(b'}');
        }
        NodeKind::List(_) => write_list(columns, node, row, out),
    }
}

fn write_list(columns: &Columns, node: NodeId, row: usize, out: &mut Vec<u8>) {
    let is_map = matches!(columns.layout().node(node).schema.kind(), Kind::Map(..));
    let (Some(items), Cell::Span { start, len }) = (columns.items(node), columns.cell(node, row))
    else {
        return;
    };
    out.push(if is_map { b'{' } else { b'[' });
    for (count, item) in (start as usize..start as usize + len as usize).enumerate() {
        if count > 0 {
            out.extend_from_slice(b", ");
        }
        if is_map {
            let mut entry = items.layout().fields(Layout::ROOT);
            if let (Some(key), Some(value)) = (entry.next(), entry.next()) {
                write(items, key, item, out);
                out.push(b'=');
                write(items, value, item, out);
            }
        } else {
            write(items, Layout::ROOT, item, out);
        }
    }
    out.push(if is_map { b'}' } else { b']' });
}

fn write_leaf(columns: &Columns, node: NodeId, row: usize, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = match columns.cell(node, row) {
        Cell::Null => out.write_all(b"null"),
        Cell::Unavailable => out.write_all(b"__debezium_unavailable_value"),
        Cell::Bool(bool) => write!(out, "{bool}"),
        Cell::Int(int) => write!(out, "{int}"),
        Cell::Float(float) => write!(out, "{float:?}"),
        cell @ Cell::Span { .. } => out.write_all(columns.bytes(cell).unwrap_or_default()),
    };
}

struct TextDecoder {
    layout: Arc<Layout>,
}

impl OneLayout for TextDecoder {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn decode(&self, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
        if let Err(error) = std::str::from_utf8(bytes) {
            return Err(ConnectError::new(
                ErrorKind::BadRecord,
                format!("the record is not text: no UTF-8 at byte {}", error.valid_up_to()),
            ));
        }
        add_bytes(bytes, into)
    }
}
