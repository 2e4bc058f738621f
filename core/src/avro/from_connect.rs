//! Connect schemas as Avro's, as `AvroData.fromConnectSchema` makes them and
//! Java's `Schema.toString` prints them.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{Names, Options, default, name, words};
use crate::codec::{DEPTH_MAX, SchemaError};
use crate::schema::{Field, Kind, Schema, SchemaBuilder, SchemaId};

/// The Avro schema of a Connect schema, as JSON text in the order and with the
/// names that Java prints. Names that Avro forbids are changed
/// ([`adjusted`](super::adjusted)).
pub fn schema_json(schema: &Arc<Schema>, options: &Options) -> Result<String, SchemaError> {
    let schema = name::with_fields(schema, options.names)?;
    let mut writer =
        Writer { options, written: HashMap::new(), unnamed: 0, entries: 0, spaces: Vec::new() };
    let json = writer.any(&schema, false)?;
    let mut text = Vec::new();
    let mut printer = serde_json::Serializer::with_formatter(&mut text, JavaNumbers);
    let printed = json.serialize(&mut printer).map_err(|error| SchemaError::new(error.to_string()));
    printed.and_then(|()| {
        String::from_utf8(text).map_err(|_| SchemaError::new("the schema is not UTF-8"))
    })
}

/// Prints floats (of defaults) as Java does.
struct JavaNumbers;

impl serde_json::ser::Formatter for JavaNumbers {
    fn write_f64<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        float: f64,
    ) -> std::io::Result<()> {
        let mut text = Vec::new();
        crate::json::write_double(float, &mut text);
        writer.write_all(&text)
    }
}

/// Parameters that make an enum of text, or a fixed of bytes.
pub(super) fn fixed_size(schema: &Schema) -> Option<usize> {
    match schema.kind() {
        Kind::Bytes => schema.parameter(words::FIXED_SIZE)?.parse().ok(),
        _ => None,
    }
}

/// Whether Avro has a map for it; else it is an array of entries.
pub(super) fn is_avro_map(key: &Schema) -> bool {
    matches!(key.kind(), Kind::String) && !key.optional()
}

pub(super) fn is_union(schema: &Schema) -> bool {
    schema.name() == Some(words::UNION) && matches!(schema.kind(), Kind::Struct(_))
}

struct Writer<'a> {
    options: &'a Options,
    /// Full names that are written, and of what.
    written: HashMap<String, SchemaId>,
    unnamed: usize,
    entries: usize,
    /// Namespaces of the records around.
    spaces: Vec<String>,
}

impl Writer<'_> {
    /// `bare` leaves out the union with null (within a union there is one).
    fn any(&mut self, schema: &Arc<Schema>, bare: bool) -> Result<Json, SchemaError> {
        // Depth is that of records; the rest is bounded by it or by the JSON parser.
        if self.spaces.len() > DEPTH_MAX {
            return Err(SchemaError::new(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        if is_union(schema) {
            return self.union(schema);
        }
        let plain = self.plain(schema)?;
        if bare || !schema.optional() {
            return Ok(plain);
        }
        let null = Json::from("null");
        // A field's default must be of the union's first branch. AvroData puts
        // null first for structs in any case.
        let null_first = null_is_first(schema);
        Ok(Json::Array(if null_first { vec![null, plain] } else { vec![plain, null] }))
    }

    fn union(&mut self, schema: &Schema) -> Result<Json, SchemaError> {
        let null = schema.optional().then(|| Json::from("null"));
        let mut branches: Vec<Json> = null.into_iter().collect();
        for field in schema.fields() {
            let branch = self.any(&field.schema, true);
            branches.push(branch.map_err(|error| error.within(&field.name))?);
        }
        Ok(Json::Array(branches))
    }

    fn plain(&mut self, schema: &Arc<Schema>) -> Result<Json, SchemaError> {
        let mut connect_type = None;
        let mut base = Map::new();
        let mut kind = |name: &str| base.insert("type".to_owned(), Json::from(name));
        match schema.kind() {
            Kind::Boolean => drop(kind("boolean")),
            Kind::Int8 => {
                connect_type = Some("int8");
                kind("int");
            }
            Kind::Int16 => {
                connect_type = Some("int16");
                kind("int");
            }
            Kind::Int32 => drop(kind("int")),
            Kind::Int64 => drop(kind("long")),
            Kind::Float32 => drop(kind("float")),
            Kind::Float64 => drop(kind("double")),
            Kind::String => drop(kind("string")),
            Kind::Bytes => match self.bytes(schema)? {
                Ok(bytes) => base = bytes,
                Err(reference) => return Ok(reference),
            },
            Kind::Array(element) => {
                kind("array");
                base.insert("items".to_owned(), self.any(element, false)?);
            }
            Kind::Map(key, value) => base = self.map(schema, key, value)?,
            Kind::Struct(fields) => match self.record(schema, fields)? {
                Ok(record) => base = record,
                Err(reference) => return Ok(reference),
            },
            Kind::Json => {
                return Err(SchemaError::new(
                    "a value without a schema can't be written as Avro: use JsonConverter with \
                     schemas.enable=false",
                ));
            }
        }
        self.attributes(schema, connect_type, &mut base);
        // Java prints a bare primitive as its name.
        match base.get("type") {
            Some(Json::String(name)) if base.len() == 1 => Ok(Json::from(name.as_str())),
            _ => Ok(Json::Object(base)),
        }
    }

    /// `Err` is a reference to a type that is written already.
    fn bytes(
        &mut self,
        schema: &Arc<Schema>,
    ) -> Result<Result<Map<String, Json>, Json>, SchemaError> {
        let mut base = Map::new();
        if let Some(size) = fixed_size(schema) {
            let full = self.name_of(schema);
            if let Some(reference) = self.reference(&full, schema)? {
                return Ok(Err(reference));
            }
            base.insert("type".to_owned(), Json::from("fixed"));
            self.put_name(&full, &mut base);
            base.insert("size".to_owned(), Json::from(size));
        } else {
            base.insert("type".to_owned(), Json::from("bytes"));
        }
        if schema.name() == Some(words::DECIMAL) {
            let (scale, precision) = decimal(schema)?;
            base.insert("scale".to_owned(), Json::from(scale));
            base.insert("precision".to_owned(), Json::from(precision));
        }
        Ok(Ok(base))
    }

    fn map(
        &mut self,
        schema: &Schema,
        key: &Arc<Schema>,
        value: &Arc<Schema>,
    ) -> Result<Map<String, Json>, SchemaError> {
        let mut base = Map::new();
        if is_avro_map(key) {
            base.insert("type".to_owned(), Json::from("map"));
            base.insert("values".to_owned(), self.any(value, false)?);
            return Ok(base);
        }
        let mut entry = Map::new();
        entry.insert("type".to_owned(), Json::from("record"));
        self.entries += 1;
        let full = match (schema.name(), self.entries) {
            (Some(name), _) => self.type_name(name),
            (None, 1) => format!("{}.{}", words::NAMESPACE, words::MAP_ENTRY),
            // AvroData repeats the name, which no Avro parser takes.
            (None, n) => format!("{}.{}{n}", words::NAMESPACE, words::MAP_ENTRY),
        };
        let is_plain = full == format!("{}.{}", words::NAMESPACE, words::MAP_ENTRY);
        self.put_name(&full, &mut entry);
        self.spaces.push(name::split(&full).0.to_owned());
        let pair = [("key", key), ("value", value)];
        let fields: Result<Vec<Json>, SchemaError> =
            pair.iter().map(|(name, schema)| self.field(name, schema, None)).collect();
        self.spaces.pop();
        entry.insert("fields".to_owned(), Json::Array(fields?));
        if !is_plain {
            entry.insert(words::INTERNAL_TYPE.to_owned(), Json::from(words::MAP_ENTRY));
        }
        base.insert("type".to_owned(), Json::from("array"));
        base.insert("items".to_owned(), Json::Object(entry));
        Ok(base)
    }

    /// `Err` is a reference to a record that is written already.
    fn record(
        &mut self,
        schema: &Arc<Schema>,
        fields: &[Field],
    ) -> Result<Result<Map<String, Json>, Json>, SchemaError> {
        let full = self.name_of(schema);
        if let Some(reference) = self.reference(&full, schema)? {
            return Ok(Err(reference));
        }
        let mut record = Map::new();
        record.insert("type".to_owned(), Json::from("record"));
        self.put_name(&full, &mut record);
        if let Some(doc) = schema.parameter(words::RECORD_DOC) {
            record.insert("doc".to_owned(), Json::from(doc));
        }
        self.spaces.push(name::split(&full).0.to_owned());
        let written: Result<Vec<Json>, SchemaError> = fields
            .iter()
            .map(|Field { name, schema: of }| {
                let doc = schema.parameter(&format!("{}{name}", words::FIELD_DOC));
                self.field(name, of, doc).map_err(|error| error.within(name))
            })
            .collect();
        self.spaces.pop();
        record.insert("fields".to_owned(), Json::Array(written?));
        Ok(Ok(record))
    }

    /// The doc of a field is not that of its type, which is `connect.doc`.
    fn field(
        &mut self,
        name: &str,
        schema: &Arc<Schema>,
        doc: Option<&str>,
    ) -> Result<Json, SchemaError> {
        let mut field = Map::new();
        field.insert("name".to_owned(), Json::from(name));
        field.insert("type".to_owned(), self.any(schema, false)?);
        if let Some(doc) = doc {
            field.insert("doc".to_owned(), Json::from(doc));
        }
        let default = match schema.default_value() {
            // Null stands first where a default can't be told, and in the union of an
            // optional struct.
            Some(value) if schema.optional() && null_is_first(schema) => {
                (!default::is_finite(value)).then_some(Json::Null)
            }
            Some(value) => default::of_field(schema, value),
            None => schema.optional().then_some(Json::Null),
        };
        if let Some(default) = default {
            field.insert("default".to_owned(), default);
        }
        Ok(Json::Object(field))
    }

    /// The name of a type: `connect.name` keeps the one before it was scrubbed.
    fn type_name(&self, name: &str) -> String {
        match self.options.names {
            Names::Scrubbed => Names::Scrubbed.change_full(name),
            Names::Adjusted => name.to_owned(),
        }
    }

    fn name_of(&mut self, schema: &Schema) -> String {
        if let Some(name) = schema.name() {
            return self.type_name(name);
        }
        self.unnamed += 1;
        match self.unnamed {
            1 => format!("{}.{}", words::NAMESPACE, words::DEFAULT_NAME),
            n => format!("{}.{}{n}", words::NAMESPACE, words::DEFAULT_NAME),
        }
    }

    /// A reference if this very type is written already.
    fn reference(&mut self, full: &str, schema: &Arc<Schema>) -> Result<Option<Json>, SchemaError> {
        let id = SchemaBuilder::from_schema(schema).optional_if(false).build().id();
        match self.written.get(full) {
            None => {
                self.written.insert(full.to_owned(), id);
                Ok(None)
            }
            Some(&other) if other == id => {
                let (space, name) = name::split(full);
                Ok(Some(Json::from(if space == self.space() { name } else { full })))
            }
            Some(_) => Err(SchemaError::new(format!(
                "two different types are named {full}, which Avro does not allow: rename one"
            ))),
        }
    }

    fn space(&self) -> &str {
        self.spaces.last().map_or("", String::as_str)
    }

    fn put_name(&self, full: &str, into: &mut Map<String, Json>) {
        let (space, name) = name::split(full);
        into.insert("name".to_owned(), Json::from(name));
        if space != self.space() {
            into.insert("namespace".to_owned(), Json::from(space));
        }
    }

    fn attributes(
        &self,
        schema: &Schema,
        connect_type: Option<&str>,
        base: &mut Map<String, Json>,
    ) {
        let mut put = |key: &str, value: Json| drop(base.insert(key.to_owned(), value));
        if self.options.metadata {
            if let Some(doc) = schema.doc() {
                put("connect.doc", Json::from(doc));
            }
            if let Some(version) = schema.version() {
                put("connect.version", Json::from(version));
            }
            let pairs =
                schema.parameters().iter().filter(|(key, _)| &**key != words::FIELD_DEFAULT);
            let map: Map<String, Json> =
                pairs.map(|(key, value)| (key.to_string(), Json::from(&**value))).collect();
            if !map.is_empty() {
                put("connect.parameters", Json::Object(map));
            }
            let of_field = schema.parameter(words::FIELD_DEFAULT).is_some();
            if let Some(value) = schema.default_value().filter(|_| !of_field) {
                put("connect.default", default::to_json(schema, value));
            }
            if let Some(name) = schema.name() {
                put("connect.name", Json::from(name));
            }
            if let Some(kind) = connect_type {
                put("connect.type", Json::from(kind));
            }
        }
        let logical = match schema.name() {
            Some(words::DECIMAL) => Some("decimal"),
            Some(words::DATE) => Some("date"),
            Some(words::TIME) => Some("time-millis"),
            Some(words::TIMESTAMP) => Some("timestamp-millis"),
            _ => None,
        };
        if let Some(logical) = logical {
            put("logicalType", Json::from(logical));
        }
        for (key, value) in schema.parameters().iter().filter(|(key, _)| key.starts_with("avro")) {
            put(key, Json::from(&**value));
        }
    }
}

/// Whether null is the first branch of an optional schema's union.
pub(super) fn null_is_first(schema: &Schema) -> bool {
    is_union(schema)
        || matches!(schema.kind(), Kind::Struct(_))
        || schema.default_value().is_none_or(|value| !default::is_finite(value))
}

/// Scale and precision.
fn decimal(schema: &Schema) -> Result<(i64, i64), SchemaError> {
    let number = |key: &str, default: Option<i64>| {
        let text = schema.parameter(key);
        text.map_or(default, |text| text.parse().ok()).ok_or_else(|| {
            SchemaError::new(format!("a decimal's parameter {key} must be a whole number"))
        })
    };
    let precision = number(words::PRECISION, Some(words::PRECISION_DEFAULT))?;
    Ok((number(words::SCALE, None)?, precision))
}
