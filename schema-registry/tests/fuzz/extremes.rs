//! Schemas that are as deep, as wide or as long as someone cared to make them: each is taken
//! or refused in good time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use thalweg_core::avro::Decoder;
use thalweg_schema_registry::avro::parse;
use thalweg_schema_registry::compat::{Level, explain, incompatibilities};

fn nested(open: &str, leaf: &str, close: &str, depth: usize) -> String {
    format!("{}{leaf}{}", open.repeat(depth), close.repeat(depth))
}

fn records(count: usize, field: impl Fn(usize) -> String) -> String {
    let record = |n: usize| format!(r#"{{"type":"record","name":"R{n}","fields":[{}]}}"#, field(n));
    format!("[{}]", (0..count).map(record).collect::<Vec<_>>().join(","))
}

fn schemas() -> Vec<String> {
    let list = |count: usize, item: &dyn Fn(usize) -> String| {
        (0..count).map(item).collect::<Vec<_>>().join(",")
    };
    let name = "n".repeat(1_000_000);
    vec![
        nested(r#"{"type":"array","items":"#, "\"int\"", "}", 10_000),
        nested(r#"{"type":"map","values":["null","#, "\"int\"", "]}", 10_000),
        nested(r#"{"type":"#, "\"int\"", "}", 10_000),
        nested("[", "", "]", 10_000),
        nested(r#"{"a":"#, "1", "}", 10_000),
        nested(r#"{"type":"array","items":"#, "\"int\"", "}", 190),
        format!(r#"{{"type":"int","x":{}}}"#, nested("[", "1", "]", 600)),
        format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#),
        format!(r#"{{"type":"record","name":"{}x","fields":[]}}"#, "a.".repeat(100_000)),
        format!(
            r#"{{"type":"enum","name":"E","symbols":[{}]}}"#,
            list(20_000, &|n| format!("\"S{n}\""))
        ),
        format!(
            r#"{{"type":"record","name":"R","fields":[{}]}}"#,
            list(5_000, &|n| format!(r#"{{"name":"f{n}","type":["null","int"],"default":null}}"#))
        ),
        format!("[{}]", list(5_000, &|n| format!(r#"{{"type":"fixed","name":"F{n}","size":1}}"#))),
        records(2000, |n| format!(r#"{{"name":"a","type":"R{}"}}"#, (n + 1) % 2000)),
        // The number of paths doubles with each record.
        records(150, |n| match n {
            0 => r#"{"name":"a","type":"int"}"#.to_owned(),
            n => format!(r#"{{"name":"a","type":"R{0}"}},{{"name":"b","type":"R{0}"}}"#, n - 1),
        }),
        // Unions of records that differ deep down only.
        records(150, |n| match n {
            0 => r#"{"name":"a","type":["int","string"]}"#.to_owned(),
            n => format!(r#"{{"name":"a","type":["null","R{}","long"]}}"#, n - 1),
        }),
    ]
}

/// What each of these takes of a schema that may be far too large.
#[test]
fn extremes_are_taken_or_refused_in_good_time() {
    let small = r#"{"type":"record","name":"R","fields":[{"name":"x","type":"int"}]}"#;
    let small = parse(small).unwrap();
    let (mut taken, mut slowest) = (0, Duration::ZERO);
    let schemas = schemas();
    for text in &schemas {
        let began = Instant::now();
        let mut lap = |what: &str| {
            let words = format!("{what} of {:.60}...", text);
            slowest = slowest.max(began.elapsed());
            assert!(began.elapsed() < Duration::from_secs(20), "{words}: {:?}", began.elapsed());
        };
        let schema = parse(text);
        lap("parsing");
        drop(Decoder::new(text));
        lap("the plan");
        drop(Decoder::resolving(text, text));
        lap("the plan for itself");
        let Ok(schema) = schema else { continue };
        taken += 1;
        assert!(!schema.text().is_empty());
        drop(incompatibilities(&schema, &schema));
        lap("checking");
        drop(explain(Level::Full, &schema, &[], &[(1, Arc::clone(&small))]));
        lap("fixes");
    }
    println!("{} extreme schemas, {taken} taken, the slowest took {slowest:?}", schemas.len());
    assert!((3..schemas.len()).contains(&taken));
}
