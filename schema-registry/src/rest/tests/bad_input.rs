//! What is refused: each with its status, code and text, and nothing is stored.

use super::*;

#[tokio::test]
async fn bad_requests_have_their_codes() {
    let server = Server::start().await;
    let path = "/subjects/s/versions";
    let schema = |schema: &str| json!({ "schema": schema });
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(3000), "}".repeat(3000));
    let cases = [
        (json!({}), 422, 42201, "Empty schema"),
        (schema(""), 422, 42201, "Empty schema"),
        (schema("{"), 422, 42201, "line 1, column 2"),
        (schema(r#"{"type":"recrod"}"#), 422, 42201, "\"recrod\" is not defined"),
        (schema(&deep), 422, 42201, "levels deep"),
        (json!({ "schema": "{}", "schemaType": "JSON" }), 422, 42201, "only AVRO"),
        (json!({ "schema": "\"int\"", "id": 7 }), 422, 42205, "not in import mode"),
        (json!({ "schema": 3 }), 400, 400, "not the JSON that is expected"),
        (json!([1]), 400, 400, "not the JSON that is expected"),
    ];
    for (body, status, code, part) in cases {
        let (ours, our_code, message) = server.post(path, &body).await.error();
        assert_eq!((ours, our_code), (status, code), "{message}");
        assert!(message.contains(part), "{part}: {message}");
    }
    let gets = [
        ("/subjects/s/versions", 404, 40401),
        ("/subjects/s/versions/1", 404, 40401),
        ("/subjects/s/versions/0", 422, 42202),
        ("/subjects/s/versions/2147483648", 422, 42202),
        ("/subjects/s/versions/one", 422, 42202),
        ("/schemas/ids/1", 404, 40403),
        ("/schemas/ids/x", 404, 404),
        ("/mode/s", 404, 40409),
        ("/nothing/here", 404, 404),
    ];
    for (path, status, code) in gets {
        let (ours, our_code, message) = server.get(path).await.error();
        assert_eq!((ours, our_code), (status, code), "{path}: {message}");
    }
    assert_eq!(server.curl("/config", &["-X", "PATCH"]).await.error().0, 405);
    assert_eq!(server.get("/subjects").await.body, "[]");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start().await;
    let begin = "POST /subjects/s/versions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let mut chunked = format!("{begin}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    let chunk = vec![b' '; 1 << 20];
    for _ in 0..5 {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(&chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = server.raw(&chunked).await;
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(answer.contains("42209"), "{answer}");
    // Half a body, then the client hangs up: nothing is stored, and the server lives.
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    let half = format!("{begin}Content-Length: 100\r\n\r\n{{\"schema\":");
    stream.write_all(half.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(server.get("/subjects").await.body, "[]");
}

/// All that the registry answers about what it holds.
async fn everything(server: &Server) -> Vec<String> {
    let mut all = Vec::new();
    for path in ["/schemas?deleted=true&subjectPrefix=:*:", "/contexts", "/config", "/mode"] {
        all.push(server.get(path).await.body);
    }
    for subject in ["s", "r"] {
        all.push(server.get(&format!("/config/{subject}")).await.body);
        all.push(server.get(&format!("/mode/{subject}")).await.body);
    }
    all
}

#[tokio::test]
async fn refused_writes_change_nothing() {
    let server = Server::start().await;
    server.register("s", ORDER).await;
    server.register("r", "\"int\"").await;
    server.put("/mode/r", &json!({ "mode": "READONLY" })).await;
    server.put("/mode/i", &json!({ "mode": "IMPORT" })).await;
    let before = everything(&server).await;
    let end = server.log.topic("_schemas").unwrap();
    let end = server.log.offset(end.partition(0), thalweg_log::OffsetAt::End).await.unwrap();
    let schema = |schema: &str| json!({ "schema": schema });
    let reference = |subject: Value, version: Value| {
        json!({
            "schema": r#"{"type":"array","items":"R"}"#,
            "references": [{ "name": "R", "subject": subject, "version": version }],
        })
    };
    let rules = |rule: Value| json!({ "schema": "\"int\"", "ruleSet": { "domainRules": [rule] } });
    let field =
        |field: &str| schema(&format!(r#"{{"type":"record","name":"R","fields":[{field}]}}"#));
    let versions = "/subjects/s/versions";
    let long = format!("/subjects/{}/versions", "x".repeat(10_000));
    let cases: Vec<(&str, &str, Value, u16, u64, &str)> = vec![
        ("POST", versions, schema("nonsense"), 422, 42201, "Invalid schema, details: "),
        ("POST", versions, schema(r#"{"type":"nothing"}"#), 422, 42201, "is not defined"),
        (
            "POST",
            versions,
            field(r#"{"name":"a","type":"int"},{"name":"a","type":"int"}"#),
            422,
            42201,
            "a",
        ),
        ("POST", versions, field(r#"{"name":"a-b","type":"int"}"#), 422, 42201, "a-b"),
        (
            "POST",
            versions,
            field(r#"{"name":"a","type":"int","default":"x"}"#),
            422,
            42201,
            "the default of field \"a\"",
        ),
        (
            "POST",
            versions,
            reference(json!("nobody"), json!(1)),
            422,
            42201,
            "No schema reference found for subject \"nobody\" and version 1",
        ),
        ("POST", versions, reference(json!("s"), json!(9)), 422, 42201, "version 9"),
        ("POST", versions, reference(json!("s"), json!(-2)), 422, 42201, "version -2"),
        ("POST", versions, reference(json!(null), json!(1)), 422, 42201, "Invalid reference"),
        ("POST", versions, reference(json!("s"), json!(1)), 422, 42201, "\"R\" is not defined"),
        ("POST", versions, schema("\"int\""), 409, 409, "incompatible with an earlier schema"),
        (
            "POST",
            versions,
            rules(json!({ "name": "9", "type": "CEL" })),
            422,
            42210,
            "Illegal initial character in rule name: 9",
        ),
        ("POST", versions, rules(json!({ "name": "a" })), 422, 42210, "Missing rule type"),
        (
            "POST",
            versions,
            rules(json!({ "name": "a", "type": "CEL", "mode": "UPGRADE" })),
            422,
            42210,
            "Domain rules can only be WRITE, READ, WRITEREAD",
        ),
        (
            "POST",
            versions,
            json!({ "schema": ORDER, "schemaType": "PROTOBUF" }),
            422,
            42201,
            "only AVRO",
        ),
        (
            "POST",
            versions,
            json!({ "schema": ORDER, "metadata": { "properties": 3 } }),
            400,
            400,
            "not the JSON that is expected",
        ),
        (
            "POST",
            versions,
            json!({ "schema": ORDER, "schemaTagsToAdd": [{}] }),
            422,
            42205,
            "not supported yet: schemaTagsToAdd",
        ),
        ("POST", "/subjects/r/versions", schema("\"long\""), 422, 42205, "is in read-only mode"),
        (
            "POST",
            "/subjects/i/versions",
            schema("\"long\""),
            422,
            42205,
            "is not in read-write mode",
        ),
        (
            "POST",
            "/subjects/i/versions",
            json!({ "id": 9, "version": 1 }),
            422,
            42201,
            "Empty schema",
        ),
        (
            "POST",
            "/subjects/i/versions",
            json!({ "id": 1, "version": 1, "schema": "\"long\"" }),
            422,
            42205,
            "Overwrite new schema with id 1 in context  is not permitted.",
        ),
        ("POST", &long, schema("\"int\""), 422, 42208, "longer than 4096 bytes"),
        (
            "POST",
            "/subjects/a%07b/versions",
            schema("\"int\""),
            422,
            42208,
            "The specified subject 'ab' is not a valid.",
        ),
        ("POST", "/subjects/__GLOBAL/versions", schema("\"int\""), 422, 42208, "reserved"),
        ("POST", "/subjects/:.eu:/versions", schema("\"int\""), 422, 42208, "empty"),
        ("POST", "/subjects/:.__GLOBAL:a/versions", schema("\"int\""), 422, 42208, "settings"),
        ("POST", "/subjects/:*:a/versions", schema("\"int\""), 422, 42208, "all contexts"),
        (
            "PUT",
            "/config/s",
            json!({ "compatibility": "SIDEWAYS" }),
            422,
            42203,
            "Invalid compatibility level.",
        ),
        ("PUT", "/config/s", json!({ "normalize": "maybe" }), 400, 400, "expected"),
        ("PUT", "/config/__EMPTY", json!({ "compatibility": "FULL" }), 422, 42208, "reserved"),
        ("PUT", "/mode/s", json!({ "mode": "FORWARD" }), 422, 42204, "Invalid mode."),
        (
            "PUT",
            "/mode/s",
            json!({ "mode": "IMPORT" }),
            422,
            42205,
            "Cannot import since found existing subjects",
        ),
        ("PUT", "/mode/s", json!([]), 400, 400, "expected"),
        ("DELETE", "/subjects/nobody", json!(null), 404, 40401, "Subject 'nobody' not found."),
        ("DELETE", "/subjects/s/versions/2", json!(null), 404, 40402, "Version 2 not found."),
        ("DELETE", "/subjects/s/versions/0", json!(null), 422, 42202, "'0' is not a valid version"),
        ("DELETE", "/subjects/s/versions/-2", json!(null), 422, 42202, "'-2' is not a valid"),
        ("DELETE", "/subjects/s/versions/2147483648", json!(null), 422, 42202, "[1, 2^31-1]"),
        ("DELETE", "/subjects/s/versions/one", json!(null), 422, 42202, "'one' is not a valid"),
        ("DELETE", "/subjects/s?permanent=true", json!(null), 404, 40405, "was not deleted first"),
        ("DELETE", "/config/nobody", json!(null), 404, 40401, "Subject 'nobody' not found."),
        ("DELETE", "/mode/nobody", json!(null), 404, 40401, "Subject 'nobody' not found."),
    ];
    for (method, path, body, status, code, part) in cases {
        let reply = match method {
            "DELETE" => server.delete(path).await,
            method => server.send(method, path, &body).await,
        };
        let shown = path.chars().take(60).collect::<String>();
        let (ours, our_code, message) = reply.error();
        assert_eq!((ours, our_code), (status, code), "{method} {shown} {body}: {message}");
        assert!(message.contains(part), "{method} {shown} {body}: {part}: {message}");
    }
    assert_eq!(everything(&server).await, before);
    let topic = server.log.topic("_schemas").unwrap();
    let now = server.log.offset(topic.partition(0), thalweg_log::OffsetAt::End).await.unwrap();
    assert_eq!(now, end, "something was written");
}

#[tokio::test]
async fn what_is_too_deep_or_too_large_is_refused() {
    let server = Server::start().await;
    let path = "/subjects/s/versions";
    let deep =
        format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(10_000), "}".repeat(10_000));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({ "schema": deep }).to_string()).unwrap();
    let sent = format!("@{}", file.path().display());
    let kind = format!("Content-Type: {V1}");
    let (_, code, message) =
        server.curl(path, &["-H", &kind, "--data-binary", &sent]).await.error();
    assert_eq!(code, 42201);
    assert!(message.contains("levels deep"), "{message}");
    // JSON itself nested as deep.
    std::fs::write(file.path(), "[".repeat(100_000)).unwrap();
    let reply = server.curl(path, &["-H", &kind, "--data-binary", &sent]).await.error();
    assert_eq!((reply.0, reply.1), (400, 400));
    std::fs::write(file.path(), vec![b' '; 20 << 20]).unwrap();
    let large = server.curl(path, &["-H", &kind, "--data-binary", &sent]).await.error();
    assert_eq!((large.0, large.1), (422, 42209));
    assert_eq!(server.get("/subjects").await.body, "[]");
}

/// A body that stops half way, with its sender still there: it is not waited for for ever,
/// and nobody else waits for it.
#[tokio::test]
async fn half_a_body_and_then_nothing() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    let half = "POST /subjects/s/versions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"sch";
    stream.write_all(half.as_bytes()).await.unwrap();
    assert_eq!(server.register("t", "\"int\"").await.json(), json!({ "id": 1 }));
    let mut answer = Vec::new();
    let patience = request::BODY_TIME_MAX + std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("did not arrive"), "{answer}");
    assert_eq!(server.get("/subjects").await.json(), json!(["t"]));
}
