//! Avro in Confluent's format as JSON.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use thalweg_core::avro::Decoder;
use thalweg_core::batch::Columns;
use thalweg_core::json::{DecimalFormat, Encoder, Options};

use super::registry::{Found, Registry};
use crate::cli::finish::note;

/// The first byte of such a record; the schema's id follows.
const MAGIC: u8 = 0;
const HEADER_LEN: usize = 5;
/// Most schemas that are kept (invariant 7).
const PLANS_MAX: usize = 1000;

/// What is known about the schemas that records were written with.
pub(super) struct Avro {
    registry: Registry,
    /// The schema that they are read with, if not with their own.
    reader: Option<String>,
    /// None where an id has no schema that can be used.
    plans: HashMap<u32, Option<Plan>>,
}

struct Plan {
    decoder: Decoder,
    encoder: Encoder,
    row: Columns,
    /// Whether it was said that a record does not fit.
    has_told: bool,
}

/// The schema's id of what may be Avro.
fn id_of(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [MAGIC, a, b, c, d, ..] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}

impl Avro {
    /// Each is read with the schema that it was written with, or with this one.
    pub(super) fn new(registry: Registry, reader: Option<String>) -> Self {
        Self { registry, reader, plans: HashMap::new() }
    }

    /// Appends the JSON of a key or value that is Avro. If it is not, or can't be
    /// read, `out` is as it was and the answer is false; a note says why, once
    /// for each schema. A registry that does not answer is an error, and so is
    /// what can't be read with a schema that was asked for.
    pub(super) fn put(&mut self, bytes: &[u8], place: &str, out: &mut Vec<u8>) -> Result<bool> {
        let Some(id) = id_of(bytes) else { return Ok(false) };
        if !self.plans.contains_key(&id) {
            if self.plans.len() >= PLANS_MAX {
                self.plans.clear();
            }
            let plan = self.plan(id, place)?;
            self.plans.insert(id, plan);
        }
        let Some(Some(plan)) = self.plans.get_mut(&id) else { return Ok(false) };
        let before = out.len();
        let told = plan.put(&bytes[HEADER_LEN..], out);
        if let Err(reason) = &told {
            out.truncate(before);
            if self.reader.is_some() {
                bail!("{place}, written with schema {id}, can't be read with --schema: {reason}");
            }
            if !plan.has_told {
                plan.has_told = true;
                note(&format!(
                    "{place} does not fit its schema (id {id}): {reason}. It is shown as bytes, as \
                     are others like it"
                ));
            }
        }
        Ok(told.is_ok())
    }

    fn plan(&self, id: u32, place: &str) -> Result<Option<Plan>> {
        let found = self.registry.schema(id);
        let unusable = match found.with_context(|| format!("{place} looks like Avro"))? {
            Found::Avro(schema) => match (Plan::new(&schema, self.reader.as_deref()), &self.reader)
            {
                (Ok(plan), _) => return Ok(Some(plan)),
                (Err(reason), None) => format!("which can't be used: {reason}"),
                (Err(reason), Some(_)) => bail!(
                    "{place} was written with schema {id}, which --schema does not take: {reason}; \
                     begin behind it (--from), or give a schema that takes it"
                ),
            },
            Found::Other(kind) => format!("which is a schema of kind {kind}"),
            Found::Nothing => {
                "which the registry does not have: was it written with another one?".to_owned()
            }
        };
        note(&format!(
            "{place} looks like Avro of schema {id}, {unusable}. It is shown as bytes, as are \
             others like it"
        ));
        Ok(None)
    }
}

impl Plan {
    fn new(schema: &str, reader: Option<&str>) -> Result<Self, String> {
        let decoder = match reader {
            None => Decoder::new(schema),
            Some(reader) => Decoder::resolving(schema, reader),
        };
        let decoder = decoder.map_err(|error| error.to_string())?;
        // For people: decimals as numbers, and nulls that are nulls.
        let options = Options {
            decimals: DecimalFormat::Numeric,
            nulls_to_defaults: false,
            ..Options::default()
        };
        let encoder =
            Encoder::new(decoder.layout(), &options).map_err(|error| error.to_string())?;
        let row = Columns::new(decoder.layout().clone());
        Ok(Self { decoder, encoder, row, has_told: false })
    }

    fn put(&mut self, datum: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.row.clear();
        self.decoder.decode(datum, &mut self.row).map_err(|error| error.to_string())?;
        self.encoder.encode(&self.row, 0, out).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, id_of};

    #[test]
    fn a_datum_becomes_json() {
        let schema = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"int"},
            {"name":"note","type":["null","string"],"default":null},
            {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}"#;
        let mut plan = Plan::new(schema, None).unwrap();
        let mut out = Vec::new();
        for _ in 0..2 {
            out.clear();
            plan.put(&[14, 2, 4, b'h', b'i', 4, 1, 0], &mut out).unwrap();
            assert_eq!(out, br#"{"id":7,"note":"hi","price":2.56}"#);
        }
        assert!(plan.put(&[14], &mut out).is_err());
        assert!(Plan::new("{", None).is_err());
        assert_eq!(id_of(&[0, 0, 0, 1, 2, 9]), Some(258));
        assert_eq!(id_of(b"\0\0\0\x01"), None);
        assert_eq!(id_of(b"text.."), None);
    }
}
