//! A topic as a registry leaves it, written in large pieces.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use thalweg_log::{Log, Options, SegmentLog, Table};

/// Versions of each subject.
pub(crate) const VERSIONS: usize = 10;

/// The subject that has many.
pub(crate) const LONG: &str = "long";

/// Entries of one append.
const PIECE: usize = 2000;

/// A record with some columns of a table, and one more for each version.
pub(crate) fn schema(name: &str, version: usize) -> String {
    let mut fields = vec![
        json!({ "name": "id", "type": "long" }),
        json!({ "name": "name", "type": "string", "doc": "as it is shown" }),
        json!({ "name": "at", "type": {
            "type": "long", "connect.version": 1, "connect.name": "io.debezium.time.MicroTimestamp",
        } }),
    ];
    // Many versions don't make the schema long.
    for column in version.saturating_sub(VERSIONS)..version {
        let field =
            json!({ "name": format!("c{column}"), "type": ["null", "int"], "default": null });
        fields.push(field);
    }
    let record =
        json!({ "type": "record", "name": name, "namespace": "shop.public", "fields": fields });
    thalweg_schema_registry::avro::parse(&record.to_string()).unwrap().text()
}

/// The body of a request about a schema.
pub(crate) fn request(schema: &str) -> String {
    json!({ "schema": schema }).to_string()
}

/// Writes `subjects` with [`VERSIONS`] each, and one with `long`.
pub(crate) fn fill(folder: &Path, subjects: usize, long: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let log = Arc::new(SegmentLog::open(folder, Options::default()).unwrap());
        let dyn_log: Arc<dyn Log> = log.clone();
        let topic = thalweg_schema_registry::TOPIC;
        let table: Table<String, String> = Table::open(&dyn_log, topic).await.unwrap();
        let mut piece = Vec::new();
        let named = (0..subjects).flat_map(|n| (1..=VERSIONS).map(move |version| (n, version)));
        let named = named.map(|(n, v)| (format!("shop.public.t{n}-value"), format!("T{n}"), v));
        let long = (1..=long).map(|v| (LONG.to_owned(), "Former".to_owned(), v));
        for (id, (subject, name, version)) in (1..).zip(named.chain(long)) {
            let key = json!({
                "keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1,
            });
            let value = json!({
                "subject": subject, "version": version, "id": id,
                "schema": schema(&name, version), "deleted": false,
            });
            piece.push((key.to_string(), Some(value.to_string())));
            if piece.len() == PIECE {
                table.write(std::mem::take(&mut piece)).await.unwrap();
            }
        }
        let key = json!({ "keytype": "CONFIG", "subject": LONG, "magic": 0 });
        let value = json!({ "subject": LONG, "compatibilityLevel": "BACKWARD_TRANSITIVE" });
        piece.push((key.to_string(), Some(value.to_string())));
        table.write(piece).await.unwrap();
        drop(table);
        log.close().await.unwrap();
    });
}
