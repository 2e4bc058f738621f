//! Subjects, versions and ids.

use super::*;

/// The command that the documentation prints, word for word but for the port.
#[tokio::test]
async fn the_printed_command_works() {
    let server = Server::start().await;
    let command = r#"curl -s -X POST -H "Content-Type: application/vnd.schemaregistry.v1+json" \
  --data '{"schema": "{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"order_id\",\"type\":\"string\"},{\"name\":\"amount\",\"type\":\"double\"}]}"}' \
  http://localhost:8081/subjects/orders-value/versions"#;
    let command = command.replace("localhost:8081", &server.at.to_string());
    for _ in 0..2 {
        let answer = Command::new("sh").args(["-c", &command]).output().await.unwrap();
        assert_eq!(String::from_utf8(answer.stdout).unwrap(), r#"{"id":1}"#);
    }
    let latest = server.get("/subjects/orders-value/versions/latest").await;
    assert_eq!(
        latest.json(),
        json!({ "subject": "orders-value", "version": 1, "id": 1, "schema": ORDER })
    );
}

#[tokio::test]
async fn what_is_registered_can_be_read() {
    let server = Server::start().await;
    assert_eq!(server.register("orders-value", ORDER).await.json(), json!({ "id": 1 }));
    let with_note =
        ORDER.replace("]}", r#",{"name":"note","type":["null","string"],"default":null}]}"#);
    assert_eq!(server.register("orders-value", &with_note).await.json(), json!({ "id": 2 }));
    assert_eq!(server.register("copy", ORDER).await.json(), json!({ "id": 1 }));
    let answers = [
        ("/", json!({})),
        ("/subjects", json!(["copy", "orders-value"])),
        ("/subjects?subjectPrefix=ord", json!(["orders-value"])),
        ("/subjects?offset=1&limit=1", json!(["orders-value"])),
        ("/subjects/orders-value/versions", json!([1, 2])),
        ("/subjects/orders-value/versions/1/referencedby", json!([])),
        ("/schemas/ids/1", json!({ "schema": ORDER })),
        ("/schemas/ids/1?fetchMaxId=true", json!({ "schema": ORDER, "maxId": 2 })),
        ("/schemas/ids/1/subjects", json!(["copy", "orders-value"])),
        (
            "/schemas/ids/1/versions",
            json!([{ "subject": "copy", "version": 1 },
                   { "subject": "orders-value", "version": 1 }]),
        ),
        ("/schemas/types", json!(["AVRO"])),
        ("/config", json!({ "compatibilityLevel": "BACKWARD" })),
        ("/mode", json!({ "mode": "READWRITE" })),
    ];
    for (path, wanted) in answers {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.json()), (200, wanted), "{path}");
        assert_eq!(reply.kind, V1, "{path}");
    }
    for path in ["/schemas/ids/1/schema", "/subjects/orders-value/versions/1/schema"] {
        assert_eq!(server.get(path).await.body, ORDER);
    }
    let found = server.post("/subjects/orders-value", &json!({ "schema": with_note })).await;
    let latest = server.get("/subjects/orders-value/versions/-1").await;
    assert_eq!(found.json(), latest.json());
    assert_eq!(latest.json()["version"], 2);
}

#[tokio::test]
async fn an_incompatible_version_is_409_and_says_why() {
    let server = Server::start().await;
    server.register("orders-value", ORDER).await;
    let with_note = ORDER.replace("]}", r#",{"name":"note","type":"string"}]}"#);
    let (status, code, message) = server.register("orders-value", &with_note).await.error();
    assert_eq!((status, code), (409, 409));
    for part in ["'note'", "/fields/2", "oldSchemaVersion: 1", "what to do: give field note"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(server.get("/subjects/orders-value/versions").await.body, "[1]");

    let path = "/compatibility/subjects/orders-value/versions";
    let body = json!({ "schema": with_note });
    let answer = server.post(path, &body).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "is_compatible": false })));
    for path in [format!("{path}?verbose=true"), format!("{path}/1?verbose=true")] {
        let answer = server.post(&path, &body).await.json();
        assert_eq!(answer["is_compatible"], false);
        let messages: Vec<&str> =
            answer["messages"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
        assert!(messages[0].starts_with("{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'"));
        assert_eq!(messages[1], "{oldSchemaVersion: 1}");
        assert_eq!(messages[2], format!("{{oldSchema: '{ORDER}'}}"));
        assert_eq!(messages[3], "{validateFields: 'false', compatibility: 'BACKWARD'}");
    }
    let same = json!({ "schema": ORDER });
    let fine = server.post(&format!("{path}/latest?verbose=true"), &same).await;
    assert_eq!(fine.json(), json!({ "is_compatible": true, "messages": [] }));
    let invalid = server.post(&format!("{path}/1?verbose=true"), &json!({ "schema": "{}" })).await;
    assert_eq!(invalid.json()["is_compatible"], false);
    let missing = server.post(&format!("{path}/9"), &body).await.error();
    assert_eq!((missing.0, missing.1), (404, 40402));
}

#[tokio::test]
async fn levels_are_set_and_taken_away() {
    let server = Server::start().await;
    let none = json!({ "compatibility": "none" });
    assert_eq!(
        server.send("PUT", "/config/s", &none).await.json(),
        json!({ "compatibility": "NONE" })
    );
    assert_eq!(server.get("/config/s").await.json(), json!({ "compatibilityLevel": "NONE" }));
    server.register("s", "\"int\"").await;
    assert_eq!(server.register("s", "\"string\"").await.json(), json!({ "id": 2 }));
    let deleted = server.curl("/config/s", &["-X", "DELETE"]).await;
    assert_eq!(deleted.json(), json!({ "compatibilityLevel": "NONE" }));
    assert_eq!(server.get("/config/s").await.error().1, 40408);
    let all = server.get("/config/s?defaultToGlobal=true").await.json();
    assert_eq!(all, json!({ "compatibilityLevel": "BACKWARD" }));
    server.send("PUT", "/config", &json!({ "compatibility": "FULL_TRANSITIVE" })).await;
    let all = server.get("/config").await.json();
    assert_eq!(all, json!({ "compatibilityLevel": "FULL_TRANSITIVE" }));
    let (status, code, _) = server.register("s", "\"long\"").await.error();
    assert_eq!((status, code), (409, 409));
    let wrong = server.send("PUT", "/config", &json!({ "compatibility": "SOME" })).await.error();
    assert_eq!((wrong.0, wrong.1), (422, 42203));
    assert!(wrong.2.starts_with("Invalid compatibility level. Valid values are none, backward"));
    for field in ["validateFields", "validateRules", "compatibilityPolicy", "nothing"] {
        let change = json!({ "compatibility": "FULL", field: "x" });
        let (_, code, message) = server.send("PUT", "/config", &change).await.error();
        assert_eq!((code, message), (42205, format!("not supported yet: {field}")));
    }
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
    let first = Server::on(Arc::clone(&log)).await;
    first.register("a", "\"int\"").await;
    first.register("b", ORDER).await;
    drop(first);
    let second = Server::on(log).await;
    assert_eq!(second.get("/subjects").await.json(), json!(["a", "b"]));
    assert_eq!(second.get("/schemas/ids/2").await.json(), json!({ "schema": ORDER }));
    assert_eq!(second.register("b", ORDER).await.json(), json!({ "id": 2 }));
    assert_eq!(second.register("b", "\"long\"").await.status, 409);
    assert_eq!(second.register("c", "\"long\"").await.json(), json!({ "id": 3 }));
    assert!(second.log.topic("_schemas").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_clients_get_one_id() {
    let server = Arc::new(Server::start().await);
    let clients: Vec<_> = (0..24)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.register("orders-value", ORDER).await.body })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap(), r#"{"id":1}"#);
    }
    assert_eq!(server.get("/subjects/orders-value/versions").await.body, "[1]");
}

#[tokio::test]
async fn subjects_and_versions_are_deleted() {
    let server = Server::start().await;
    server.register("a", "\"int\"").await;
    server.register("a", "\"long\"").await;
    let delete = |path: &'static str| server.curl(path, &["-X", "DELETE"]);
    assert_eq!(delete("/subjects/a/versions/1").await.body, "1");
    assert_eq!(delete("/subjects/a/versions/1").await.error().1, 40406);
    assert_eq!(delete("/subjects/a/versions/2?permanent=true").await.error().1, 40407);
    assert_eq!(server.get("/subjects/a/versions/1").await.error().1, 40402);
    assert_eq!(server.get("/subjects/a/versions/1?deleted=true").await.status, 200);
    assert_eq!(delete("/subjects/a/versions/1?permanent=true").await.body, "1");
    assert_eq!(delete("/subjects/a").await.body, "[2]");
    assert_eq!(server.get("/subjects").await.body, "[]");
    assert_eq!(server.get("/subjects?deleted=true").await.body, "[\"a\"]");
    assert_eq!(delete("/subjects/a?permanent=true").await.body, "[2]");
    assert_eq!(server.get("/subjects?deleted=true").await.body, "[]");
}

#[tokio::test]
async fn names_are_decoded() {
    let server = Server::start().await;
    for subject in ["a%2Fb", "50%25", "with%20space", "%C3%BC", "a.b-c_d~e"] {
        let path = format!("/subjects/{subject}/versions");
        let body = json!({ "schema": "\"int\"" });
        assert_eq!(server.post(&path, &body).await.json(), json!({ "id": 1 }), "{subject}");
    }
    let subjects = server.get("/subjects").await.json();
    assert_eq!(subjects, json!(["50%", "a.b-c_d~e", "a/b", "with space", "ü"]));
    let broken = server.curl("/subjects/%FF/versions", &[]).await.error();
    assert_eq!((broken.0, broken.1), (400, 400));
    assert!(broken.2.contains("can't be decoded"), "{}", broken.2);
}

#[tokio::test]
async fn content_types_are_negotiated() {
    let server = Server::start().await;
    let path = "/subjects/s/versions";
    let body = r#"{"schema":"\"int\""}"#;
    let form = server.curl(path, &["--data", body]).await.error();
    assert_eq!((form.0, form.1), (415, 415));
    for sent in [
        V1,
        "application/vnd.schemaregistry+json",
        "application/json; charset=utf-8",
        "application/octet-stream",
        "",
    ] {
        let header = format!("Content-Type: {sent}");
        let answer = server.curl(path, &["-H", header.trim_end_matches(' '), "--data", body]).await;
        assert_eq!(answer.json(), json!({ "id": 1 }), "{sent}");
    }
    let accepts = [
        ("application/json", "application/json"),
        (
            "application/json;q=0.5, application/vnd.schemaregistry+json;q=0.9",
            "application/vnd.schemaregistry+json",
        ),
        ("text/html, */*;q=0.1", V1),
        ("application/vnd.schemaregistry.v1+json, application/json", V1),
    ];
    for (accept, kind) in accepts {
        let header = format!("Accept: {accept}");
        assert_eq!(server.curl("/subjects", &["-H", &header]).await.kind, kind, "{accept}");
    }
    let none = server.curl("/subjects", &["-H", "Accept: text/html"]).await;
    assert_eq!(none.error().0, 406);
}
