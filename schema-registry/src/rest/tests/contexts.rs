//! Contexts: `:.name:subject`, `/contexts/name/...`, and ids of each.

use super::*;

#[tokio::test]
async fn each_context_gives_its_own_ids() {
    let server = Server::start().await;
    server.register("orders", "\"int\"").await;
    server.register("orders", "\"long\"").await;
    assert_eq!(server.register(":.eu:orders", "\"string\"").await.json(), json!({ "id": 1 }));
    assert_eq!(server.register(":.eu:orders", "\"bytes\"").await.json(), json!({ "id": 2 }));
    let path = "/contexts/us/subjects/orders/versions";
    let bytes = json!({ "schema": "\"bytes\"" });
    assert_eq!(server.post(path, &bytes).await.json(), json!({ "id": 1 }));
    let answers = [
        ("/contexts", json!([".", ".eu", ".us"])),
        ("/contexts?contextPrefix=.e", json!([".eu"])),
        ("/contexts?offset=1&limit=1", json!([".eu"])),
        ("/subjects", json!([":.eu:orders", ":.us:orders", "orders"])),
        ("/subjects?subjectPrefix=", json!(["orders"])),
        ("/subjects?subjectPrefix=or", json!(["orders"])),
        ("/subjects?subjectPrefix=:*:or", json!([":.eu:orders", ":.us:orders", "orders"])),
        ("/subjects?subjectPrefix=:.eu:", json!([":.eu:orders"])),
        ("/subjects?subjectPrefix=:.eu:x", json!([])),
        ("/subjects?subjectPrefix=:.", json!([":.eu:orders", ":.us:orders", "orders"])),
        ("/subjects?subjectPrefix=:.e", json!([":.eu:orders"])),
        ("/contexts/.eu/subjects", json!([":.eu:orders"])),
        ("/contexts/:.eu:/subjects", json!([":.eu:orders"])),
        ("/contexts/:.:/subjects", json!(["orders"])),
        ("/schemas/ids/1", json!({ "schema": "\"int\"" })),
        ("/schemas/ids/1?subject=:.eu:", json!({ "schema": "\"string\"" })),
        ("/schemas/ids/1?subject=:.eu:orders", json!({ "schema": "\"string\"" })),
        ("/contexts/eu/schemas/ids/2", json!({ "schema": "\"bytes\"" })),
        (
            "/contexts/eu/schemas/ids/2?fetchMaxId=true",
            json!({ "schema": "\"bytes\"", "maxId": 2 }),
        ),
        ("/contexts/us/schemas/ids/1/subjects", json!([":.us:orders"])),
        (
            "/contexts/us/schemas/ids/1/versions",
            json!([{ "subject": ":.us:orders", "version": 1 }]),
        ),
        ("/contexts/eu/subjects/orders/versions", json!([1, 2])),
        (
            "/contexts/eu/subjects/:.us:orders/versions/1",
            json!({ "subject": ":.us:orders", "version": 1, "id": 1, "schema": "\"bytes\"" }),
        ),
        (
            "/contexts/us/schemas",
            json!([{ "subject": ":.us:orders", "version": 1, "id": 1, "schema": "\"bytes\"" }]),
        ),
        ("/subjects/:.:orders/versions", json!([1, 2])),
    ];
    for (path, answer) in answers {
        assert_eq!(server.get(path).await.json(), answer, "{path}");
    }
    let missing = server.get("/schemas/ids/2?subject=:.us:orders").await.error();
    assert_eq!(missing, (404, 40403, "Schema 2 not found".to_owned()));
    let (status, _, message) = server.get("/contexts/a:b/subjects").await.error();
    assert_eq!((status, message.as_str()), (400, "Context name 'a:b' cannot contain a colon"));
}

/// A subject that names no context is looked for in the others, as Confluent's does.
#[tokio::test]
async fn plain_names_are_found_in_other_contexts() {
    let server = Server::start().await;
    server.register("a", "\"int\"").await;
    server.register(":.eu:b", "\"string\"").await;
    let found = json!({ "subject": ":.eu:b", "version": 1, "id": 1, "schema": "\"string\"" });
    assert_eq!(server.get("/subjects/b/versions/1").await.json(), found);
    let body = json!({ "schema": "\"string\"" });
    assert_eq!(server.post("/subjects/b", &body).await.json(), found);
    assert_eq!(
        server.get("/schemas/ids/1?subject=b").await.json(),
        json!({ "schema": "\"string\"" })
    );
    assert_eq!(server.get("/schemas/ids/1?subject=c").await.json(), json!({ "schema": "\"int\"" }));
    assert_eq!(server.get("/subjects/b/versions").await.error().1, 40401);
    assert_eq!(server.post("/subjects/:.us:b", &body).await.error().1, 40401);
}

#[tokio::test]
async fn references_are_relative_to_the_context() {
    let server = Server::start().await;
    let address = |size: u32| format!(r#"{{"type":"fixed","name":"Address","size":{size}}}"#);
    server.register("address", &address(1)).await;
    server.register(":.eu:address", &address(2)).await;
    let customer = |subject: &str| {
        json!({
            "schema": r#"{"type":"record","name":"C","fields":[{"name":"a","type":"Address"}]}"#,
            "references": [{ "name": "Address", "subject": subject, "version": -1 }],
        })
    };
    let path = "/contexts/eu/subjects/customer/versions";
    assert_eq!(server.post(path, &customer("address")).await.json(), json!({ "id": 2 }));
    let resolved = server.get("/contexts/eu/schemas/ids/2/schema?format=resolved").await.json();
    assert_eq!(resolved["fields"][0]["type"]["size"], 2);
    // The latest version is written down as the number that it had.
    let stored = server.get("/contexts/eu/subjects/customer/versions/1").await.json();
    assert_eq!(
        stored["references"],
        json!([{ "name": "Address", "subject": "address", "version": 1 }])
    );
    assert_eq!(
        server.get("/subjects/:.eu:address/versions/1/referencedby").await.json(),
        json!([2])
    );
    assert_eq!(server.get("/subjects/address/versions/1/referencedby").await.json(), json!([]));
    assert_eq!(server.delete("/subjects/address").await.body, "[1]");
    let (status, code, message) = server.delete("/subjects/:.eu:address").await.error();
    assert_eq!((status, code), (422, 42206));
    let part = "One or more references exist to the schema \
                {magic=1,keytype=SCHEMA,subject=:.eu:address,version=1}.";
    assert!(message.starts_with(part), "{message}");
    // From one context into another, by its full name.
    let other = server.post("/subjects/c/versions", &customer(":.eu:address")).await;
    assert_eq!(other.json(), json!({ "id": 2 }));
    let used = server.get("/subjects/:.eu:address/versions/1/referencedby").await.json();
    assert_eq!(used, json!([2, 2]));
}

#[tokio::test]
async fn a_restart_keeps_contexts_and_their_ids() {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
    let first = Server::on(Arc::clone(&log)).await;
    first.register(":.eu:a", "\"int\"").await;
    first.register(":.eu:b", "\"long\"").await;
    assert_eq!(first.delete("/subjects/:.eu:b").await.body, "[1]");
    assert_eq!(first.delete("/subjects/:.eu:b?permanent=true").await.body, "[1]");
    drop(first);
    let second = Server::on(log).await;
    assert_eq!(second.get("/contexts").await.json(), json!([".", ".eu"]));
    // The id that is gone is not given again; in another context it is the first.
    assert_eq!(second.register(":.eu:c", "\"double\"").await.json(), json!({ "id": 3 }));
    assert_eq!(second.register("c", "\"double\"").await.json(), json!({ "id": 1 }));
}
