//! Connect's Avro: what our converter makes of rows and reads from records,
//! against Java's converter. Differences are those that the page
//! `docs/connectors/avro-differences.md` lists.

mod compare;
mod matrix;
mod ours;
mod samples;
pub(crate) mod theirs;

use std::collections::BTreeSet;

use serde_json::Value;

use self::compare::{Differences, differences};
use self::ours::Ours;
use crate::run::count;
use crate::setup::thalweg;

/// Schemas made from a seed, with a row each.
const SAMPLES: usize = 3000;

/// What a converter makes of a row.
#[derive(Debug)]
struct Answer {
    /// The Avro schema, as the registry has it.
    schema: String,
    datum: Vec<u8>,
    /// What is read from the record, as JSON with its schema.
    back: Value,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Java: make interop"]
async fn avro_is_what_javas_converter_of_connect_makes_of_it() {
    let known = Differences::read();
    let mut rows = matrix::recorded();
    let recorded = rows.len();
    let seed = std::env::var("THALWEG_CONVERTER_SEED").ok().map(|seed| seed.parse().unwrap());
    rows.extend(samples::rows(seed.unwrap_or(1), SAMPLES));
    rows.push(matrix::nan());
    let (mut listed, mut unlisted, mut schemas) = (0, Vec::new(), BTreeSet::new());
    let mut same = [0; 2];
    for metadata in [true, false] {
        let thalweg = thalweg();
        let settings = format!("connect.meta.data={metadata}");
        let theirs = theirs::answers(&thalweg.registry(), &rows, &[&settings]);
        let mut ours = Ours::open(metadata).await;
        for (number, (row, theirs)) in rows.iter().zip(&theirs).enumerate() {
            let ours = ours.answer(row).await;
            let found = differences(&ours, theirs, metadata);
            if let (Ok(ours), [], true) = (ours, &found[..], theirs.is_ok()) {
                same[usize::from(number >= recorded)] += 1;
                schemas.insert(ours.schema);
            }
            for difference in found {
                match known.cover(&row.from, &difference) {
                    true => listed += 1,
                    false => unlisted.push(format!("{}: {difference:?}", row.from)),
                }
            }
        }
    }
    let few = &unlisted[..unlisted.len().min(20)];
    assert!(unlisted.is_empty(), "{} differences are not listed: {few:#?}", unlisted.len());
    if seed.is_none() {
        assert_eq!(known.unused(), Vec::<String>::new(), "lines that cover nothing");
    }
    assert!(same[0] > 2 * recorded * 49 / 50 && same[1] > 2 * SAMPLES * 49 / 50, "{same:?}");
    count("rows of Debezium written and read as Avro as Java's converter does", same[0]);
    count("rows made from a seed written and read as Avro as Java's converter does", same[1]);
    count("Avro schemas that are those of Java's converter, to the letter", schemas.len());
    count("listed differences from Java's converter met", listed);
}
