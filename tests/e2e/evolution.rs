//! Changes of a table that the schema registry does not take:
//! `schema.incompatible.action`.

use serde_json::{Value, json};
use thalweg_harness::{Postgres, Thalweg, curl, kcat};

use crate::cli::command;
use crate::setup::{eventually, options, post, source, status, wait_for_task};

const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
const SUBJECT: &str = "evo.public.items-value";

/// A database, and a source of two tables as Avro.
fn begin(data: &std::path::Path, more: &[(&str, &str)]) -> (Postgres, Thalweg) {
    let postgres = Postgres::start().unwrap();
    postgres
        .sql(
            "CREATE TABLE items (id int PRIMARY KEY, size int); \
             CREATE TABLE others (id int PRIMARY KEY); \
             INSERT INTO items VALUES (1, 10); INSERT INTO others VALUES (1)",
        )
        .unwrap();
    let thalweg = Thalweg::start(&options(Some(data))).unwrap();
    let mut keys = vec![("key.converter", AVRO), ("value.converter", AVRO)];
    keys.extend(more);
    post(&thalweg, &source(&postgres, "evo", &keys));
    wait_for_task(&thalweg, "evo", "RUNNING");
    eventually("the snapshot", &thalweg, || {
        let rows = (rows(&thalweg, "items"), rows(&thalweg, "others"));
        (rows.0.len() == 1 && rows.1.len() == 1, rows)
    });
    (postgres, thalweg)
}

/// The rows of a topic as the command line reads them: its envelopes.
fn rows(thalweg: &Thalweg, table: &str) -> Vec<Value> {
    let topic = format!("evo.public.{table}");
    let read = ["read", &topic, "--from", "beginning"];
    let out = command(thalweg, &read).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The ids of the rows of a table, in the order of the topic.
fn ids(thalweg: &Thalweg, table: &str) -> Vec<i64> {
    let id = |row: &Value| row["key"]["id"].as_i64().unwrap();
    rows(thalweg, table).iter().map(id).collect()
}

fn note(thalweg: &Thalweg) -> Option<String> {
    let note = &status(thalweg, "evo")["tasks"][0]["notes"]["parked evo.public.items"];
    note.as_str().map(str::to_owned)
}

/// The versions of a subject.
fn versions(thalweg: &Thalweg, subject: &str) -> Value {
    curl("GET", &format!("{}/subjects/{subject}/versions", thalweg.registry()), None)
        .unwrap()
        .json()
}

fn allow(thalweg: &Thalweg) {
    let url = format!("{}/config/{SUBJECT}", thalweg.registry());
    let answer = curl("PUT", &url, Some(r#"{"compatibility":"NONE"}"#)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn refused_rows_are_parked_in_order_and_go_on() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, thalweg) = begin(home.path(), &[]);
    let before = chrono::Utc::now().to_rfc3339();
    postgres
        .sql(
            "INSERT INTO items VALUES (2, 20); \
             ALTER TABLE items ALTER COLUMN size TYPE text USING size::text; \
             INSERT INTO items VALUES (3, 'large'); INSERT INTO others VALUES (2)",
        )
        .unwrap();
    eventually("the other table", &thalweg, || {
        let ids = ids(&thalweg, "others");
        (ids == [1, 2], ids)
    });
    let text = eventually("the note", &thalweg, || (note(&thalweg).is_some(), note(&thalweg)));
    let text = text.unwrap();
    for part in [SUBJECT, "not compatible with version 1", "\"int\"", "parked", "/config/"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(versions(&thalweg, SUBJECT), json!([1]));
    // Parked rows, and that they are, outlive any end of the process.
    postgres.sql("INSERT INTO items SELECT n, 'x' FROM generate_series(4, 5000) n").unwrap();
    thalweg.kill().unwrap();
    let thalweg = Thalweg::start(&options(Some(home.path()))).unwrap();
    wait_for_task(&thalweg, "evo", "RUNNING");
    postgres.sql("INSERT INTO others VALUES (3); DELETE FROM items WHERE id = 3").unwrap();
    eventually("the other table", &thalweg, || {
        let ids = ids(&thalweg, "others");
        (ids == [1, 2, 3], ids)
    });
    eventually("the note", &thalweg, || (note(&thalweg).is_some(), status(&thalweg, "evo")));
    assert!(ids(&thalweg, "items").len() <= 2, "a refused row went on");
    // Rows 3 to 5000, then a deletion, which is two records.
    let parked = eventually("the count of parked records", &thalweg, || {
        let parked = status(&thalweg, "evo")["parked"].clone();
        (parked[0]["records"] == 5000, parked)
    });
    assert_eq!(
        (&parked[0]["topic"], &parked[0]["subject"]),
        (&json!("evo.public.items"), &json!(SUBJECT))
    );
    assert_eq!(parked[0]["reason"].as_str(), note(&thalweg).as_deref());
    assert!(parked[0]["bytes"].as_u64().unwrap() > 5000, "{parked}");
    let since = parked[0]["since"].as_str().unwrap();
    let now = chrono::Utc::now().to_rfc3339();
    assert!(before.as_str() < since && since < now.as_str(), "{before} < {since} < {now}");
    let held_in = parked[0]["held_in"].as_str().unwrap();
    assert!(topics(&thalweg).contains(held_in), "{held_in}");
    assert_eq!(parked.as_array().unwrap().len(), 1);

    allow(&thalweg);
    postgres.sql("INSERT INTO items VALUES (6000, 'live')").unwrap();
    // A deletion is a row and its tombstone.
    let wanted: Vec<i64> = (1..=5000).chain([3, 3, 6000]).collect();
    eventually("the parked rows, then those after them", &thalweg, || {
        let ids = ids(&thalweg, "items");
        (ids == wanted, (ids.len(), note(&thalweg)))
    });
    assert_eq!((note(&thalweg), &status(&thalweg, "evo")["parked"]), (None, &Value::Null));
    assert_eq!(versions(&thalweg, SUBJECT), json!([1, 2]));
    let last = rows(&thalweg, "items").pop().unwrap();
    assert_eq!(last["value"]["after"]["size"], "live", "{last}");
    let topics = eventually("the end of the parked rows' topic", &thalweg, || {
        let topics = topics(&thalweg);
        (!topics.contains("connect-parked."), topics)
    });
    assert!(topics.contains("evo.public.items"), "{topics}");
    assert!(thalweg.stop().unwrap().success());
}

fn topics(thalweg: &Thalweg) -> String {
    String::from_utf8(command(thalweg, &["topics", "list"]).output().unwrap().stdout).unwrap()
}

/// By `make crash`: wherever the process ends, each parked row goes on once.
#[cfg(feature = "failpoints")]
#[test]
fn failpoints_while_parked_rows_go_on_lose_and_repeat_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, mut thalweg) = begin(home.path(), &[]);
    postgres.sql("ALTER TABLE items ADD COLUMN pad text").unwrap();
    let mut last = 1;
    // Each of a type that the subject never had, and that can't be read as another.
    let mut kinds = ["text", "boolean", "int[]", "float8", "jsonb"].into_iter();
    for name in thalweg_core::failpoint::PARKED {
        for count in [1, 2] {
            if *name == "park.over" && count > 1 {
                continue;
            }
            let kind = kinds.next().unwrap();
            postgres
                .sql(&format!(
                    "ALTER TABLE items DROP COLUMN size; ALTER TABLE items ADD COLUMN size {kind}; \
                     INSERT INTO items SELECT n, (SELECT string_agg(md5(n::text || m), '') \
                       FROM generate_series(1, 100) m) FROM generate_series({}, {}) n",
                    last + 1,
                    last + 5001
                ))
                .unwrap();
            last += 5001;
            eventually("the note", &thalweg, || (note(&thalweg).is_some(), ()));
            // So that all are parked before they go on.
            std::thread::sleep(std::time::Duration::from_secs(2));
            thalweg.kill().unwrap();
            let mut options = options(Some(home.path()));
            options.environment.push(("THALWEG_FAILPOINT".to_owned(), format!("{name}:{count}")));
            let mut ending = Thalweg::start(&options).unwrap();
            allow(&ending);
            assert!(ending.ends_within(crate::setup::PATIENCE), "never came to {name}:{count}");
            options.environment.clear();
            thalweg = Thalweg::start(&options).unwrap();
            let wanted: Vec<i64> = (1..=last).collect();
            eventually("each row once", &thalweg, || {
                let ids = ids(&thalweg, "items");
                (ids == wanted, ids.len())
            });
            let url = format!("{}/config/{SUBJECT}", thalweg.registry());
            curl("DELETE", &url, None).unwrap();
        }
    }
    assert!(thalweg.stop().unwrap().success());
}

#[test]
fn parked_rows_are_bounded_and_the_connector_pauses_there() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, thalweg) = begin(home.path(), &[("schema.incompatible.park.bytes", "1")]);
    postgres
        .sql(
            "ALTER TABLE items ALTER COLUMN size TYPE text USING size::text; \
             INSERT INTO items VALUES (2, 'large')",
        )
        .unwrap();
    let paused = wait_for_task(&thalweg, "evo", "PAUSED");
    let why = paused["tasks"][0]["trace"].as_str().unwrap();
    assert!(why.contains("schema.incompatible.park.bytes=1"), "{why}");
    postgres.sql("INSERT INTO others VALUES (2); INSERT INTO items VALUES (3, 'more')").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(ids(&thalweg, "others"), [1], "a paused connector went on");
    allow(&thalweg);
    wait_for_task(&thalweg, "evo", "RUNNING");
    eventually("all rows", &thalweg, || {
        let all = (ids(&thalweg, "items"), ids(&thalweg, "others"));
        (all == (vec![1, 2, 3], vec![1, 2]), all)
    });
    assert!(thalweg.stop().unwrap().success());
}

#[test]
fn parked_rows_go_on_to_the_partitions_of_their_keys() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, thalweg) = begin(home.path(), &[("topic.creation.default.partitions", "3")]);
    postgres
        .sql(
            "INSERT INTO items SELECT n, n * 10 FROM generate_series(2, 50) n; \
             ALTER TABLE items ALTER COLUMN size TYPE text USING size::text; \
             UPDATE items SET size = 'a'; \
             INSERT INTO items SELECT n, 'b' FROM generate_series(51, 100) n",
        )
        .unwrap();
    eventually("the note", &thalweg, || (note(&thalweg).is_some(), status(&thalweg, "evo")));
    allow(&thalweg);
    postgres.sql("UPDATE items SET size = 'c'").unwrap();
    let rows = eventually("all rows", &thalweg, || {
        let rows = rows(&thalweg, "items");
        (rows.len() == 50 + 50 + 50 + 100, rows)
    });
    let mut by_key: std::collections::BTreeMap<i64, (Value, Vec<String>)> = Default::default();
    for row in &rows {
        let known = by_key.entry(row["key"]["id"].as_i64().unwrap()).or_default();
        if !known.1.is_empty() {
            assert_eq!(known.0, row["partition"], "a key is in two partitions: {row}");
        }
        known.0 = row["partition"].clone();
        known.1.push(row["value"]["after"]["size"].to_string());
    }
    for (key, (_, sizes)) in &by_key {
        let first = match *key {
            ..=50 => vec![(key * 10).to_string(), r#""a""#.to_owned()],
            _ => vec![r#""b""#.to_owned()],
        };
        let wanted: Vec<String> = first.into_iter().chain([r#""c""#.to_owned()]).collect();
        assert_eq!(*sizes, wanted, "key {key}");
    }
    let partitions: std::collections::BTreeSet<String> =
        rows.iter().map(|row| row["partition"].to_string()).collect();
    assert_eq!(partitions.len(), 3);
    assert!(thalweg.stop().unwrap().success());
}

#[test]
fn a_reset_lets_parked_rows_go_and_a_closed_registry_stops_no_other_topic() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, thalweg) = begin(home.path(), &[]);
    postgres
        .sql(
            "ALTER TABLE items ALTER COLUMN size TYPE text USING size::text; \
             INSERT INTO items VALUES (2, 'large')",
        )
        .unwrap();
    eventually("the note", &thalweg, || (note(&thalweg).is_some(), status(&thalweg, "evo")));
    let mode = |mode: &str| {
        let url = format!("{}/mode", thalweg.registry());
        let answer = curl("PUT", &url, Some(&json!({ "mode": mode }).to_string())).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    mode("READONLY");
    postgres.sql("INSERT INTO others VALUES (2)").unwrap();
    eventually("the other table", &thalweg, || {
        let ids = ids(&thalweg, "others");
        (ids == [1, 2], ids)
    });
    eventually("the other reason", &thalweg, || {
        let note = note(&thalweg).unwrap_or_default();
        (note.contains("read-only"), note)
    });
    assert_eq!(status(&thalweg, "evo")["tasks"][0]["state"], "RUNNING");
    mode("READWRITE");
    assert!(topics(&thalweg).contains("connect-parked.evo.public.items."));

    assert_eq!(thalweg.call("PUT", "/connectors/evo/stop", None).unwrap().status, 204);
    eventually("the stop", &thalweg, || {
        let status = status(&thalweg, "evo");
        (status["connector"]["state"] == "STOPPED", status)
    });
    let reset = thalweg.call("DELETE", "/connectors/evo/offsets", None).unwrap();
    assert_eq!(reset.status, 200, "{}", reset.text);
    assert!(!topics(&thalweg).contains("connect-parked."), "{}", topics(&thalweg));
    assert!(thalweg.stop().unwrap().success());
}

#[test]
fn evolve_registers_against_the_level_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, thalweg) = begin(home.path(), &[("schema.incompatible.action", "evolve")]);
    postgres
        .sql(
            "ALTER TABLE items ALTER COLUMN size TYPE text USING size::text; \
             INSERT INTO items VALUES (2, 'large')",
        )
        .unwrap();
    eventually("the row", &thalweg, || {
        let ids = ids(&thalweg, "items");
        (ids == [1, 2], ids)
    });
    assert_eq!(versions(&thalweg, SUBJECT), json!([1, 2]));
    let kept = kcat(thalweg.kafka(), &["-C", "-e", "-q", "-t", "_schemas"], b"").unwrap();
    assert!(kept.contains(r#""override":{"compatibility":"BACKWARD""#), "{kept}");
    assert!(thalweg.stop().unwrap().success());
}

#[test]
fn a_new_subject_takes_what_the_first_one_refuses() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, thalweg) = begin(home.path(), &[("schema.incompatible.action", "new-subject")]);
    for (kind, value) in [("text", "'large'"), ("int", "7"), ("boolean", "true")] {
        let id = ids(&thalweg, "items").len() + 1;
        postgres
            .sql(&format!(
                "ALTER TABLE items DROP COLUMN size; ALTER TABLE items ADD COLUMN size {kind}; \
                 INSERT INTO items VALUES ({id}, {value})"
            ))
            .unwrap();
        eventually("the row", &thalweg, || {
            let ids = ids(&thalweg, "items");
            (ids.len() == id, ids)
        });
    }
    // The int went back to the subject that has its schema.
    assert_eq!(versions(&thalweg, SUBJECT), json!([1]));
    assert_eq!(versions(&thalweg, &format!("{SUBJECT}-v2")), json!([1]));
    assert_eq!(versions(&thalweg, &format!("{SUBJECT}-v3")), json!([1]));
    assert!(thalweg.stop().unwrap().success());
}

#[test]
fn a_change_of_a_table_is_told_before_it_is_made() {
    let home = tempfile::tempdir().unwrap();
    let (postgres, thalweg) = begin(home.path(), &[]);
    let lake = crate::setup::lake(
        "evo-lake",
        home.path(),
        &[
            ("topics", "evo.public.items"),
            ("partitioner.class", "io.confluent.connect.storage.partitioner.FieldPartitioner"),
            ("partition.field.name", "size"),
        ],
    );
    post(&thalweg, &lake);
    let ask = |sql: &str| {
        let mut preview =
            command(&thalweg, &["schema", "preview", "--connector", "evo", "--sql", sql]);
        let rest = thalweg.rest();
        let out = preview.env("THALWEG_REST", rest).output().unwrap();
        let answer = serde_json::from_slice(&out.stdout).unwrap_or(Value::Null);
        (out.status.code().unwrap(), answer, String::from_utf8(out.stderr).unwrap())
    };
    let (code, answer, said) = ask("ALTER TABLE items ADD COLUMN note text");
    assert_eq!((code, said.as_str()), (0, ""), "{answer}");
    let table = &answer["tables"][0];
    assert_eq!(table["table"], "public.items");
    assert_eq!(table["changes"], json!(["+ note optional string"]));
    assert_eq!(table["sinks"][0]["connector"], "evo-lake");
    let value = &table["subjects"][1];
    assert_eq!((&value["subject"], &value["compatible"]), (&json!(SUBJECT), &json!(true)));
    assert_eq!((&value["level"], &value["levels"]["FULL"]), (&json!("BACKWARD"), &json!(true)));

    let (code, answer, said) =
        ask("ALTER TABLE items ALTER size TYPE numeric(10,2); ALTER TABLE others RENAME TO more");
    assert_eq!(code, 1, "{answer}");
    for part in [SUBJECT, "parked until", "field size: "] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let changes = &answer["tables"][0]["changes"];
    assert!(changes[0].as_str().unwrap().starts_with("~ size: optional int32 to"), "{changes}");
    let levels = &answer["tables"][0]["subjects"][1]["levels"];
    assert_eq!((&levels["NONE"], &levels["FORWARD"]), (&json!(true), &json!(false)));
    let renamed = answer["tables"][1]["changes"][0].as_str().unwrap();
    assert!(renamed.contains("evo.public.more"), "{renamed}");
    // Nobody reads that topic.
    assert_eq!(answer["tables"][1]["losses"], json!([]));

    for (sql, words) in [
        (
            "ALTER TABLE items DROP COLUMN size",
            "public.items: column size is gone, and its topic is read by evo-lake (its partition.field.name names it)",
        ),
        ("ALTER TABLE items DROP COLUMN id", "rows have no keys any more (id)"),
        (
            "ALTER TABLE items RENAME TO more",
            "rows go to topic evo.public.more, and topic evo.public.items is read by evo-lake",
        ),
    ] {
        let (code, answer, said) = ask(sql);
        assert!(code == 3 && said.contains(words), "{sql}: {code} {said}: {answer}");
    }
    let (code, _, said) = ask("ALTER TABLE others DROP COLUMN id, ADD COLUMN more int");
    assert!(code == 3 && said.contains("no keys"), "{said}");

    for (sql, words) in [
        ("ALTER TABLE nothing ADD COLUMN a int", "there is no table nothing"),
        ("ALTER TABLE items ADD COLUMN a nonsense", "nonsense"),
        ("VACUUM items", "can't be followed"),
        ("ALTER TABLE items ADD", "can't be followed"),
        (
            r"ALTER TABLE items ADD c text DEFAULT 'x\''; COMMIT; CREATE TABLE pwned(); --'",
            "followed",
        ),
        ("ALTER TABLE items ADD c xml DEFAULT table_to_xml('others', true, false, '')", "followed"),
    ] {
        let (code, _, said) = ask(sql);
        assert!(code == 1 && said.contains(words), "{sql}: {said}");
    }
    let pwned = "SELECT count(*) FROM pg_class WHERE relname ~ 'pwned|thalweg_preview'";
    assert_eq!(postgres.sql(pwned).unwrap(), "0");
    // What is told is what then happens, and nothing happened so far.
    assert_eq!(versions(&thalweg, SUBJECT), json!([1]));
    postgres.sql("ALTER TABLE items ADD COLUMN note text; INSERT INTO items VALUES (2)").unwrap();
    eventually("the row", &thalweg, || {
        let ids = ids(&thalweg, "items");
        (ids == [1, 2], ids)
    });
    let (_, answer, _) = ask("ALTER TABLE items ALTER note SET DEFAULT NULL");
    let outcome = &answer["tables"][0]["subjects"][1]["outcome"];
    assert_eq!(outcome, "nothing changes: version 2 has this schema");
    assert!(thalweg.stop().unwrap().success());
}
