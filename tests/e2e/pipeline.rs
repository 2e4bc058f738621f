//! Postgres to the lake by curl.

use serde_json::{Value, json};
use thalweg_harness::{Postgres, Thalweg, curl, read_lake};

use crate::lake::records;
use crate::setup::{eventually, lake, options, post, source, status, thalweg, wait_for_task};

#[test]
fn rows_reach_the_lake_and_others_can_read_them() {
    let postgres = Postgres::start().unwrap();
    postgres
        .sql(
            "CREATE TABLE orders (id int PRIMARY KEY, name text, price numeric(10,2)); \
             INSERT INTO orders SELECT n, 'order ' || n, n / 4.0 FROM generate_series(1, 500) n",
        )
        .unwrap();
    let thalweg = thalweg();
    let folder = tempfile::tempdir().unwrap();
    post(&thalweg, &source(&postgres, "shop", &[("decimal.handling.mode", "string")]));
    let more = [("topics", "shop.public.orders"), ("behavior.on.null.values", "ignore")];
    post(&thalweg, &lake("shop-lake", folder.path(), &more));
    wait_for_task(&thalweg, "shop", "RUNNING");
    let count = || records(folder.path()).values().map(Vec::len).sum::<usize>();
    eventually("the snapshot", &thalweg, || (count() == 500, count()));

    postgres
        .sql(
            "INSERT INTO orders VALUES (501, 'late', 1); \
             UPDATE orders SET name = 'changed' WHERE id = 2; \
             ALTER TABLE orders ADD COLUMN note text DEFAULT 'none'; \
             UPDATE orders SET note = 'x' WHERE id = 3; \
             DELETE FROM orders WHERE id = 4",
        )
        .unwrap();
    let query = "SELECT op, before, after FROM read_json('LAKE/**/*.json', union_by_name=true, \
                 columns={op: 'VARCHAR', before: 'JSON', after: 'JSON', source: 'JSON'}) \
                 WHERE op <> 'r' ORDER BY source->>'$.lsn'";
    let rows = eventually("the changes", &thalweg, || {
        let rows = read_lake(folder.path(), query).unwrap_or_default();
        (rows.len() == 4, rows)
    });
    let ops: Vec<&Value> = rows.iter().map(|row| &row["op"]).collect();
    assert_eq!(ops, ["c", "u", "u", "d"]);
    let after = |row: &Value| -> Value {
        row["after"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    assert_eq!(after(&rows[1])["name"], "changed");
    assert_eq!(after(&rows[2])["note"], "x");
    assert_eq!(after(&rows[0])["price"], "1.00");

    let versions = format!("{}/subjects/shop.public.orders-value/versions", thalweg.registry());
    assert_eq!(curl("GET", &versions, None).unwrap().json(), json!([1, 2]));
    let topics = thalweg.call("GET", "/connectors/shop/topics", None).unwrap().json();
    assert_eq!(topics, json!({ "shop": { "topics": ["shop.public.orders"] } }));
}

#[test]
fn connectors_and_positions_survive_a_clean_restart() {
    let postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    let home = tempfile::tempdir().unwrap();
    let (data, folder) = (home.path().join("data"), home.path().join("lake"));
    std::fs::create_dir(&folder).unwrap();
    let count = || records(&folder).values().map(Vec::len).sum::<usize>();

    let first = Thalweg::start(&options(Some(&data))).unwrap();
    post(&first, &source(&postgres, "keep", &[("tombstones.on.delete", "false")]));
    post(&first, &lake("keep-lake", &folder, &[("topics", "keep.public.t")]));
    eventually("the snapshot", &first, || (count() == 1, count()));
    assert!(first.stop().unwrap().success());

    postgres.sql("INSERT INTO t VALUES (2)").unwrap();
    let second = Thalweg::start(&options(Some(&data))).unwrap();
    eventually("the row of the pause", &second, || (count() == 2, count()));
    let all = records(&folder);
    let ops: Vec<&Value> = all["keep.public.t"].iter().map(|event| &event["op"]).collect();
    assert_eq!(ops, ["r", "c"]);
    assert_eq!(status(&second, "keep")["connector"]["state"], "RUNNING");
    assert!(second.stop().unwrap().success());
}

#[test]
fn the_registry_answers_as_printed_in_its_docs() {
    let thalweg = thalweg();
    let url = format!("{}/subjects/orders-value/versions", thalweg.registry());
    let order = |amount: &str| {
        json!({ "schema": json!({
            "type": "record", "name": "Order",
            "fields": [{ "name": "order_id", "type": "string" }, { "name": "amount", "type": amount }],
        }).to_string() })
        .to_string()
    };
    let first = curl("POST", &url, Some(&order("double"))).unwrap();
    assert_eq!((first.status, first.json()), (200, json!({ "id": 1 })));
    let refused = curl("POST", &url, Some(&order("string"))).unwrap();
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(refused.json()["error_code"], 409);
    assert!(refused.text.contains("/fields/1/type"), "{}", refused.text);
}
