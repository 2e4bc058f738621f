//! The formats, and what opens a file of each.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use thalweg_core::batch::Layout;
use thalweg_core::schema::SchemaId;
use thalweg_core::{avro, choices, json};

use super::FileWriter;
use super::avro::AvroFile;
use super::json::JsonFile;
use super::parquet::{ParquetFile, ParquetPlan};
use super::spool::{Spool, SpoolFolder};

/// Schemas whose plans are kept.
const PLANS_MAX: usize = 1000;

choices! {
    /// What a file holds.
    pub(crate) enum Format {
        /// A JSON text a line.
        Json = "io.confluent.connect.s3.format.json.JsonFormat" | "json",
        /// Avro container files.
        Avro = "io.confluent.connect.s3.format.avro.AvroFormat" | "avro",
        /// Parquet.
        Parquet = "io.confluent.connect.s3.format.parquet.ParquetFormat" | "parquet",
    }
}

/// How the bytes of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Not at all.
    None,
    /// gzip, of JSON lines and Parquet pages.
    Gzip,
    /// Deflate, of Avro blocks.
    Deflate,
    /// Snappy.
    Snappy,
}

/// What decides the bytes of a file beside its rows.
#[derive(Clone, Debug)]
pub(crate) struct FileOptions {
    /// Its format.
    pub(crate) format: Format,
    /// Its compression.
    pub(crate) codec: Codec,
    /// 0 to 9; none is the codec's own default.
    pub(crate) level: Option<u32>,
    /// How decimals stand in JSON.
    pub(crate) decimals: json::DecimalFormat,
    /// Connect's own attributes in Avro schemas.
    pub(crate) connect_metadata: bool,
}

/// Why a file can't be written. The file is torn.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormatError {
    /// The schema does not fit the format.
    #[error("{0}")]
    Schema(String),
    /// The spool could not be written.
    #[error("writing the temporary file {0}")]
    Spool(#[from] io::Error),
}

impl FileOptions {
    /// How the names of such files end.
    pub(crate) fn extension(&self) -> &'static str {
        match (self.format, self.codec) {
            (Format::Json, Codec::Gzip) => ".json.gz",
            (Format::Json, _) => ".json",
            (Format::Avro, _) => ".avro",
            (Format::Parquet, Codec::Snappy) => ".snappy.parquet",
            (Format::Parquet, Codec::Gzip) => ".gz.parquet",
            (Format::Parquet, _) => ".parquet",
        }
    }
}

/// What of a schema is compiled once and shared by its files.
#[derive(Clone)]
enum Plan {
    Json(Arc<json::Encoder>),
    Avro(Arc<avro::Encoder>),
    Parquet(Arc<ParquetPlan>),
}

/// Opens files of one format, for one task.
pub(crate) struct Files {
    options: FileOptions,
    folder: Arc<SpoolFolder>,
    plans: Mutex<HashMap<SchemaId, Plan>>,
}

impl Files {
    /// Their bytes lie in this folder until they are complete.
    pub(crate) fn new(options: FileOptions, folder: Arc<SpoolFolder>) -> Self {
        Self { options, folder, plans: Mutex::default() }
    }

    /// Opens a file for rows of this layout. `seed` is 16 bytes that only this
    /// file has, equal whenever it is written again.
    pub(crate) fn open(
        &self,
        layout: &Arc<Layout>,
        seed: [u8; 16],
    ) -> Result<Box<dyn FileWriter>, FormatError> {
        let spool = Spool::new(Arc::clone(&self.folder));
        Ok(match self.plan(layout)? {
            Plan::Json(encoder) => Box::new(JsonFile::new(&self.options, encoder, spool)),
            Plan::Avro(encoder) => Box::new(AvroFile::new(&self.options, encoder, seed, spool)?),
            Plan::Parquet(plan) => Box::new(ParquetFile::new(plan, spool)),
        })
    }

    fn plan(&self, layout: &Arc<Layout>) -> Result<Plan, FormatError> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let id = layout.schema().id();
        if let Some(plan) = plans.get(&id) {
            return Ok(plan.clone());
        }
        let plan = match self.options.format {
            Format::Json => {
                let decimals = self.options.decimals;
                let options = json::Options { decimals, ..json::Options::default() };
                let encoder = json::Encoder::new(layout, &options);
                Plan::Json(Arc::new(encoder.map_err(|e| FormatError::Schema(e.to_string()))?))
            }
            Format::Avro => {
                let metadata = self.options.connect_metadata;
                let options = avro::Options { metadata, ..avro::Options::default() };
                let encoder = avro::Encoder::new(layout, &options);
                Plan::Avro(Arc::new(encoder.map_err(|e| FormatError::Schema(e.to_string()))?))
            }
            Format::Parquet => Plan::Parquet(Arc::new(ParquetPlan::new(layout, &self.options)?)),
        };
        if plans.len() >= PLANS_MAX {
            plans.clear();
        }
        plans.insert(id, plan.clone());
        Ok(plan)
    }
}
