//! REST against what the real Connect answered, and where we answer better.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

mod offsets;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use thalweg_core::config::MASK;

use crate::testing::{Answered, Bench, STRING, Server, eventually};

const SOURCE: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";

/// Exchanges that differ on purpose, by (file, what), and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("root.json", "version", "our version, commit and cluster"),
    ("root.json", "options", "no list of methods in a body"),
    ("root.json", "accept that is not JSON", "answered with JSON all the same"),
    ("root.json", "loggers", "none yet"),
    ("create.json", "name with odd characters", "a slash is refused too"),
    ("create.json", "unknown class", "the list is of ours, and readable"),
    ("create.json", "no class", "no values of the config in an error"),
    ("create.json", "config empty", "no values of the config in an error"),
    ("create.json", "class null", "a null is refused first"),
    ("create.json", "tasks.max not a number", "one error is said once"),
    ("create.json", "unknown converter", "the converters are listed"),
    ("create.json", "unknown transform", "transforms are refused by name"),
    ("create.json", "transform without type", "transforms are refused by name"),
    ("create.json", "several errors", "Debezium is another crate's"),
    ("create.json", "cannot connect", "Debezium is another crate's"),
    ("create.json", "sink without topics", "one error is said once"),
    ("create.json", "sink with both", "one error is said once"),
    ("create.json", "wrong content type", "says which one is right"),
    ("config.json", "wrong content type", "says which one is right"),
    ("create.json", "no content type", "415, not Jetty's page"),
    ("create.json", "a name with an encoded slash", "404, not Jetty's page"),
    ("create.json", "list", "sorted by name"),
    ("config.json", "empty", "no values of the config in an error"),
    ("config.json", "patch of the name", "refused: it would be two names"),
    ("states.json", "offsets of a sink", "another number of rows"),
    ("plugins.json", "connectors", "ours"),
    ("plugins.json", "all (only the first twelve kept)", "ours"),
    ("plugins.json", "config of one", "the keys of the runtime are there too"),
    ("plugins.json", "config of Postgres (only the first twelve kept)", "another crate's"),
    ("plugins.json", "config of a short name", "the keys of the runtime are there too"),
    ("plugins.json", "unknown plugin", "the list is of ours"),
    ("plugins.json", "Postgres without anything", "another crate's"),
    ("plugins.json", "Postgres with bad values", "another crate's"),
];

/// What the recording did beside what it kept, by (file, what came next).
const BETWEEN: &[(&str, &str, &str)] =
    &[("states.json", "offsets, patch empty", "/connectors/one/stop")];

fn recorded(file: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/connect-rest");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn replay(server: &Server, request: &Value) -> Answered {
    let body = match (request.get("raw"), request.get("body")) {
        (Some(raw), _) => raw.as_str().unwrap().to_owned(),
        (None, Some(body)) => text_converters(body).to_string(),
        (None, None) => String::new(),
    };
    let mut headers: Vec<(&str, &str)> = Vec::new();
    match request.get("headers").and_then(Value::as_object) {
        Some(given) => {
            headers.extend(given.iter().map(|(key, value)| (&**key, value.as_str().unwrap())));
        }
        None if !body.is_empty() => headers.push(("Content-Type", "application/json")),
        None => {}
    }
    let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
    server.send(method, path, &headers, &body).await
}

/// The worker of the recording had text converters; ours has Avro.
fn text_converters(body: &Value) -> Value {
    let mut body = body.clone();
    let config = match body.get("config") {
        Some(_) => body.get_mut("config"),
        None if body.get("connector.class").is_some() => Some(&mut body),
        None => None,
    };
    if let Some(Value::Object(config)) = config
        && config.contains_key("connector.class")
    {
        for key in ["key.converter", "value.converter"] {
            config.entry(key).or_insert(STRING.into());
        }
    }
    body
}

/// Takes out what is not compared.
fn normal(mut body: Value) -> Value {
    match &mut body {
        Value::Object(fields) => {
            for key in ["key.converter", "value.converter", "trace", "notes", "warnings"] {
                fields.remove(key);
            }
            fields.values_mut().for_each(|value| *value = normal(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = normal(item.take())),
        Value::String(text) => *text = text.replace("127.0.0.1:8083", "WORKER"),
        _ => {}
    }
    body
}

/// Why an answer is not what was recorded.
fn difference(exchange: &Value, ours: &Answered) -> Option<String> {
    let status = exchange["status"].as_u64().unwrap();
    let expected = normal(exchange["body"].clone());
    if status == 500 {
        // Where the real one throws, ours says what is wrong.
        let good = ours.status == 400 && !ours.message().is_empty();
        let java = ours.message().contains("org.apache") || ours.message().contains("java");
        return (!good || java).then(|| format!("{ours:?}"));
    }
    if u64::from(ours.status) != status {
        return Some(format!("{status} expected: {ours:?}"));
    }
    if exchange["what"].as_str().is_some_and(|what| what.contains("validat"))
        || expected.get("configs").is_some()
    {
        return None;
    }
    let is_head = exchange["request"]["method"] == "HEAD";
    let got = if is_head { Value::Null } else { normal(ours.json()) };
    (got != expected).then(|| format!("expected {expected}\n     got {got}"))
}

/// Replays a file; the differences that are not known.
async fn replay_file(file: &str, server: &Server) -> Vec<String> {
    let mut found = Vec::new();
    for exchange in recorded(file) {
        let what = exchange["what"].as_str().unwrap();
        let known = DIFFERENT.iter().any(|(f, w, _)| *f == file && *w == what);
        settle(server).await;
        for (_, _, path) in BETWEEN.iter().filter(|(f, w, _)| *f == file && *w == what) {
            assert!(server.send("PUT", path, &[], "").await.status < 300);
        }
        let mut ours = replay(server, &exchange["request"]).await;
        // States are reached soon, not at once: a look is repeated.
        if exchange["request"]["method"] == "GET" && !known {
            for _ in 0..400 {
                if difference(&exchange, &ours).is_none() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
                ours = replay(server, &exchange["request"]).await;
            }
        }
        if let Some(how) = difference(&exchange, &ours).filter(|_| !known) {
            let request = &exchange["request"];
            found.push(format!("{file}: {what}: {} {}\n{how}", request["method"], request["path"]));
        }
    }
    found
}

/// Waits until nothing is on its way to another state.
async fn settle(server: &Server) {
    eventually("states are reached", async || {
        let text = server.get("/connectors?expand=status").await.text;
        !text.contains("RESTARTING") && !text.contains("UNASSIGNED")
    })
    .await;
}

/// What the recording made before its first exchange of a file.
async fn prepare(file: &str, server: &Server) {
    let config = |class: &str, more: &[(&str, &str)]| {
        let mut config = json!({
            "connector.class": format!("org.apache.kafka.connect.file.FileStream{class}Connector"),
            "tasks.max": "1", "file": "/FOLDER/in",
            "key.converter": STRING, "value.converter": STRING,
        });
        for (key, value) in more {
            config[*key] = (*value).into();
        }
        config
    };
    let made: &[(&str, Value)] = match file {
        "config.json" => &[("one", config("Source", &[("topic", "rest")]))],
        "states.json" => &[
            ("one", config("Source", &[("topic", "rest")])),
            ("sink", config("Sink", &[("topics", "rest"), ("file", "/FOLDER/out")])),
            ("bad", config("Sink", &[("topics", "rest"), ("file", "/no/such/folder/out")])),
        ],
        _ => &[],
    };
    for (name, config) in made {
        let answer = server.json("PUT", &format!("/connectors/{name}/config"), config).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_the_real_connect() {
    let mut found = Vec::new();
    let mut count = 0;
    for file in ["root.json", "create.json", "config.json", "states.json", "plugins.json"] {
        let bench = Bench::new();
        let worker = bench.worker().await;
        let server = Server::start(worker.handle()).await;
        prepare(file, &server).await;
        found.extend(replay_file(file, &server).await);
        count += recorded(file).len();
        worker.stop().await;
    }
    assert!(found.is_empty(), "{} of {count} differ\n{}", found.len(), found.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_masked_and_survive_an_edit() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let server = Server::start(worker.handle()).await;
    let config = json!({
        "connector.class": "counting", "count": 3, "counter.password": "pw-8f1",
        "some.api.token": "tk-8f1", "key.converter": STRING, "value.converter": STRING,
    });
    let body = json!({ "name": "c", "config": config });
    let made = server.json("POST", "/connectors", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), Some(&*format!("http://{}/connectors/c", server.address)));
    eventually("it runs", async || bench.values("numbers").await.len() == 3).await;
    let paths = [
        "/connectors/c",
        "/connectors/c/config",
        "/connectors/c/tasks",
        "/connectors/c/status",
        "/connectors?expand=info&expand=status",
    ];
    for path in paths {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.text.contains("8f1"), "{path}: {answer:?}");
    }
    let shown = server.get("/connectors/c/config").await.json();
    assert_eq!(
        (&shown["counter.password"], &shown["some.api.token"]),
        (&json!(MASK), &json!(MASK))
    );
    // What was shown may be sent back: the secret stays.
    let again = server.json("PUT", "/connectors/c/config", &shown).await;
    assert_eq!(again.status, 200, "{again:?}");
    let patch = json!({ "counter.password": MASK, "count": 5 });
    assert_eq!(server.json("PATCH", "/connectors/c/config", &patch).await.status, 200);
    let stored = worker.handle().view("c").unwrap().config;
    assert_eq!((&*stored["counter.password"], &*stored["some.api.token"]), ("pw-8f1", "tk-8f1"));
    let valid = server.json("PUT", "/connector-plugins/counting/config/validate", &shown).await;
    assert_eq!(valid.json()["error_count"], 0, "{valid:?}");
    assert!(!valid.text.contains("8f1"), "{valid:?}");
    // A new connector has nothing that the mask could stand for.
    let mut copy = shown.clone();
    copy["name"] = "d".into();
    let refused = server.json("POST", "/connectors", &json!({ "name": "d", "config": copy })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("counter.password"), "{refused:?}");
    // Nor has the config that is kept for other tools lost it.
    let kept = bench.records("connect-configs").await;
    assert!(kept.iter().any(|(_, key, _)| key.as_deref() == Some("connector-c")));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bodies_are_refused_with_the_reason() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let server = Server::start(worker.handle()).await;
    let json_type = [("Content-Type", "application/json")];
    let huge = format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20));
    for (body, status, part) in [
        ("{\"name\": pw-8f1}", 400, "line 1, column 10"),
        ("[1]", 400, "not a JSON object"),
        ("{}", 400, "the body is {\"name\""),
        ("{\"name\": \"x\", \"connector.class\": \"s\"}", 400, "config is missing"),
        ("{\"config\": {\"name\": \"x\"}}", 400, "beside config"),
        ("", 400, "empty"),
        ("{\"name\": 5, \"config\": {}}", 400, "name is not a text"),
        ("{\"name\": \"x\", \"config\": {\"a\": [1]}}", 400, "value of a is a list"),
        (&*huge, 413, "longer than 1048576 bytes"),
    ] {
        let answer = server.send("POST", "/connectors", &json_type, body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.message().contains(part), "{answer:?}");
        assert!(!answer.text.contains("8f1"), "{answer:?}");
        assert_eq!(answer.json()["error_code"], status);
    }
    assert_eq!(server.get("/connectors").await.json(), json!([]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_mean_nothing_get_errors_in_json() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let server = Server::start(worker.handle()).await;
    for (method, path, status, part) in [
        ("GET", "/connectors/%ff", 400, "/connectors/%ff is not UTF-8"),
        ("DELETE", "/connectors/a%c3", 400, "not UTF-8"),
        ("PUT", "/connectors/%ff/config", 400, "not UTF-8"),
        ("POST", "/connectors/%ff/tasks/0/restart", 400, "not UTF-8"),
        ("GET", "/connectors/%zz", 404, "Connector %zz not found"),
        ("GET", "/connectors/a/tasks/%ff/status", 400, "not UTF-8"),
        ("GET", "/connectors/a/", 404, "HTTP 404 Not Found"),
        ("POST", "/connectors/a/status", 405, "HTTP 405 Method Not Allowed"),
        ("TRACE", "/connectors", 405, "HTTP 405 Method Not Allowed"),
        ("GET", "/subjects", 404, "HTTP 404 Not Found"),
    ] {
        let answer = server.send(method, path, &[], "").await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.json()["error_code"], status, "{method} {path}: {answer:?}");
        assert!(answer.message().contains(part), "{method} {path}: {answer:?}");
    }
    for query in ["expand=%ff", "&&=", "expand", "%"] {
        let answer = server.get(&format!("/connectors?{query}")).await;
        assert!(answer.status == 200 && !answer.json().is_null(), "{query}: {answer:?}");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_says_everything_per_key() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let server = Server::start(worker.handle()).await;
    let config = json!({
        "connector.class": SOURCE, "name": "x", "tasks.max": "many", "transforms": "t",
        "key.converter": STRING, "value.converter": STRING,
    });
    let path = format!("/connector-plugins/{SOURCE}/config/validate");
    let answer = server.json("PUT", &path, &config).await.json();
    assert_eq!(answer["error_count"], 3, "{answer}");
    assert_eq!(answer["name"], SOURCE);
    let of = |name: &str| {
        let all = answer["configs"].as_array().unwrap();
        all.iter().find(|one| one["value"]["name"] == name).unwrap().clone()
    };
    assert_eq!(
        of("tasks.max")["value"]["errors"],
        json!(["Invalid value many for configuration tasks.max: Not a number of type INT"])
    );
    assert_eq!(
        of("topic")["value"]["errors"],
        json!(["Missing required configuration \"topic\" which has no default value."])
    );
    assert_eq!(of("topic")["definition"]["required"], true);
    assert_eq!(of("tasks.max")["definition"]["type"], "INT");
    assert_eq!(of("tasks.max")["definition"]["default_value"], "1");
    worker.stop().await;
}
