//! `field=value/...`: folders by the values of fields.

use std::fmt::Write;

use thalweg_core::batch::{Batch, Cell, Columns, Layout, NodeId};
use thalweg_core::schema::Kind;

use super::{json_field, parts};

/// Folders by the values of these fields, in order.
#[derive(Debug)]
pub(crate) struct FieldPaths {
    fields: Vec<(String, Vec<String>)>,
    delim: String,
}

impl FieldPaths {
    /// Of these fields; a dot leads into a struct.
    pub(crate) fn new(fields: &[String], delim: &str) -> Self {
        let fields = fields.iter().map(|name| (name.clone(), parts(name))).collect();
        Self { fields, delim: delim.to_owned() }
    }

    pub(super) fn reader<'a>(&'a self, batch: &'a Batch) -> FieldReader<'a> {
        let nodes = match &batch.value {
            None => Vec::new(),
            Some(value) => {
                self.fields.iter().map(|(name, path)| find(value.layout(), name, path)).collect()
            }
        };
        FieldReader { paths: self, value: batch.value.as_ref(), nodes }
    }
}

/// A field by its plain name, or by the names between the dots.
pub(super) fn find(layout: &Layout, name: &str, path: &[String]) -> Option<NodeId> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    layout.find(&[name]).or_else(|| layout.find(&path))
}

pub(super) struct FieldReader<'a> {
    paths: &'a FieldPaths,
    value: Option<&'a Columns>,
    nodes: Vec<Option<NodeId>>,
}

impl FieldReader<'_> {
    pub(super) fn place(&self, row: usize, path: &mut String) -> Result<(), String> {
        path.clear();
        let Some(value) = self.value else { return Err("it has no value".to_owned()) };
        for ((name, way), node) in self.paths.fields.iter().zip(&self.nodes) {
            if !path.is_empty() {
                path.push_str(&self.paths.delim);
            }
            path.push_str(name);
            path.push('=');
            match node {
                Some(node) => write_cell(value, *node, row, path)
                    .map_err(|reason| format!("partition field {name} {reason}"))?,
                None if matches!(value.layout().schema().kind(), Kind::Json) => {
                    let text = value.bytes_at(Layout::ROOT, row).unwrap_or_default();
                    write_json(json_field(text, way), path)
                        .map_err(|reason| format!("partition field {name} {reason}"))?;
                }
                None => {
                    return Err(format!(
                        "partition field {name} is not in its schema (set partition.field.name \
                         to a field that all rows have)"
                    ));
                }
            }
        }
        Ok(())
    }
}

const KINDS: &str = "is not a number, text or boolean, by which rows can be laid out";

fn write_cell(value: &Columns, node: NodeId, row: usize, path: &mut String) -> Result<(), String> {
    let cell = value.cell(node, row);
    let written = match (cell, value.layout().node(node).schema.kind()) {
        (Cell::Null, _) => path.write_str("null"),
        (Cell::Unavailable, _) => return Err("was not sent by the source".to_owned()),
        (Cell::Bool(bool), _) => write!(path, "{bool}"),
        (Cell::Int(int), _) => write!(path, "{int}"),
        (Cell::Span { .. }, Kind::String) => {
            let text = value.bytes(cell).unwrap_or_default();
            let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())?;
            push_escaped(text, path);
            Ok(())
        }
        _ => return Err(KINDS.to_owned()),
    };
    written.map_err(|error| error.to_string())
}

fn write_json(value: Option<serde_json::Value>, path: &mut String) -> Result<(), String> {
    use serde_json::Value;
    match value {
        None | Some(Value::Null) => path.push_str("null"),
        Some(Value::Bool(bool)) => path.push_str(if bool { "true" } else { "false" }),
        Some(Value::Number(number)) if !number.is_f64() => path.push_str(&number.to_string()),
        Some(Value::String(text)) => push_escaped(&text, path),
        Some(_) => return Err(KINDS.to_owned()),
    }
    Ok(())
}

/// Text as a part of a folder's name: what would lead to another folder, or is
/// no name on a file system, is written as %XX, as Hive does.
fn push_escaped(text: &str, path: &mut String) {
    for char in text.chars() {
        match char {
            '/' | '\\' | '\0'..='\x1f' | '\x7f' => {
                let _ = write!(path, "%{:02X}", u32::from(char));
            }
            _ => path.push(char),
        }
    }
}
