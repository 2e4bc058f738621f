//! Modes and what they permit; import with ids and versions.

use super::*;

fn mode(name: &str) -> Value {
    json!({ "mode": name })
}

#[tokio::test]
async fn modes_are_set_and_taken_away() {
    let server = Server::start().await;
    assert_eq!(server.get("/mode").await.json(), mode("READWRITE"));
    assert_eq!(server.put("/mode/s", &mode("readonly")).await.json(), mode("readonly"));
    assert_eq!(server.get("/mode/s").await.json(), mode("READONLY"));
    assert_eq!(
        server.get("/mode/t").await.error(),
        (404, 40409, "Subject 't' does not have subject-level mode configured".to_owned())
    );
    assert_eq!(server.get("/mode/t?defaultToGlobal=true").await.json(), mode("READWRITE"));
    server.put("/mode", &mode("READONLY_OVERRIDE")).await;
    assert_eq!(server.get("/mode/t?defaultToGlobal=true").await.json(), mode("READONLY_OVERRIDE"));
    // The default context is what there is without a subject.
    assert_eq!(server.get("/mode/:.:").await.json(), mode("READONLY_OVERRIDE"));
    assert_eq!(server.delete("/mode/s").await.json(), mode("READONLY"));
    assert_eq!(server.delete("/mode/s").await.error().1, 40401);
    assert_eq!(server.delete("/mode").await.json(), mode("READONLY_OVERRIDE"));
    assert_eq!(server.get("/mode").await.json(), mode("READWRITE"));
    server.put("/mode/:.eu:", &mode("READONLY")).await;
    server.put("/mode/:.eu:a", &mode("IMPORT")).await;
    assert_eq!(server.get("/contexts/eu/mode").await.json(), mode("READONLY"));
    assert_eq!(server.get("/mode/:.eu:b?defaultToGlobal=true").await.json(), mode("READONLY"));
    assert_eq!(server.get("/mode/:.eu:a?defaultToGlobal=true").await.json(), mode("IMPORT"));
    assert_eq!(server.get("/mode/b?defaultToGlobal=true").await.json(), mode("READWRITE"));
    assert_eq!(server.delete("/contexts/eu/mode?recursive=true").await.json(), mode("READONLY"));
    assert_eq!(server.get("/mode/:.eu:a").await.error().1, 40409);
    server.put("/mode/:.__GLOBAL:", &mode("READONLY")).await;
    assert_eq!(server.get("/mode/:.us:b?defaultToGlobal=true").await.json(), mode("READONLY"));
    let cleared = server.put("/mode/:.__GLOBAL:", &json!({ "mode": null })).await;
    assert_eq!(cleared.json(), json!({ "mode": null }));
    assert_eq!(server.register(":.us:b", "\"int\"").await.json(), json!({ "id": 1 }));
    assert_eq!(
        server.put("/mode", &mode("SOMETIMES")).await.error(),
        (422, 42204, "Invalid mode. Valid values are READWRITE, READONLY, and IMPORT.".to_owned())
    );
}

#[tokio::test]
async fn nothing_is_written_where_it_is_read_only() {
    let server = Server::start().await;
    server.register("s", "\"int\"").await;
    server.put("/mode/s", &mode("READONLY")).await;
    let refused = (422, 42205, "Subject s in context  is in read-only mode".to_owned());
    // What is there already needs no writing.
    assert_eq!(server.register("s", "\"int\"").await.json(), json!({ "id": 1 }));
    assert_eq!(server.register("s", "\"long\"").await.error(), refused);
    assert_eq!(server.delete("/subjects/s").await.error(), refused);
    assert_eq!(server.delete("/subjects/s/versions/1").await.error(), refused);
    let none = json!({ "compatibility": "NONE" });
    assert_eq!(server.put("/config/s", &none).await.error(), refused);
    assert_eq!(server.put("/config/t", &none).await.status, 200);
    server.put("/mode", &mode("READONLY")).await;
    let (_, code, message) = server.put("/config", &none).await.error();
    assert_eq!((code, message.as_str()), (42205, "Subject null in context  is in read-only mode"));
    assert_eq!(server.delete("/config/t").await.error().1, 42205);
    server.put("/mode/:.eu:", &mode("READONLY")).await;
    let (_, _, message) = server.register(":.eu:a", "\"int\"").await.error();
    assert_eq!(message, "Subject :.eu:a in context :.eu: is in read-only mode");
    assert_eq!(server.get("/subjects/s/versions").await.body, "[1]");
}

#[tokio::test]
async fn imported_schemas_keep_their_ids_and_versions() {
    let server = Server::start().await;
    let path = "/subjects/s/versions";
    let import = |schema: &str, id: i32, version: i32| json!({ "schema": schema, "id": id, "version": version });
    let (_, code, message) = server.post(path, &import("\"int\"", 7, 3)).await.error();
    assert_eq!((code, message.as_str()), (42205, "Subject s in context  is not in import mode"));
    assert_eq!(server.put("/mode", &mode("IMPORT")).await.json(), mode("IMPORT"));
    let (_, code, message) = server.register("s", "\"int\"").await.error();
    assert_eq!(
        (code, message.as_str()),
        (42205, "Subject s in context  is not in read-write mode")
    );
    for (schema, id, version) in [("\"int\"", 7, 3), ("\"string\"", 40, 5), ("\"bytes\"", 2, 1)] {
        // Compatibility is not asked for.
        let answer = server.post(path, &import(schema, id, version)).await;
        assert_eq!(answer.json(), json!({ "id": id }));
        assert_eq!(
            server.post(path, &import(schema, id, version)).await.json(),
            json!({ "id": id })
        );
    }
    // One schema under two versions, and under two subjects.
    assert_eq!(server.post(path, &import("\"int\"", 7, 9)).await.json(), json!({ "id": 7 }));
    let other = server.post("/subjects/t/versions", &import("\"int\"", 7, 1)).await;
    assert_eq!(other.json(), json!({ "id": 7 }));
    // What is there already is found without an id.
    assert_eq!(server.register("s", "\"int\"").await.json(), json!({ "id": 7 }));
    assert_eq!(server.get(path).await.json(), json!([1, 3, 5, 9]));
    let clash = server.post(path, &import("\"long\"", 7, 10)).await.error();
    let text = "Overwrite new schema with id 7 in context  is not permitted.";
    assert_eq!(clash, (422, 42205, text.to_owned()));
    assert_eq!(server.get("/subjects/s/versions/10").await.error().1, 40402);
    server.put("/mode", &mode("READWRITE")).await;
    server.put("/config", &json!({ "compatibility": "NONE" })).await;
    assert_eq!(server.register("s", "\"long\"").await.json(), json!({ "id": 41 }));
    assert_eq!(server.get("/subjects/s/versions/latest").await.json()["version"], 10);
}

#[tokio::test]
async fn import_needs_an_empty_place_or_force() {
    let server = Server::start().await;
    server.register("s", "\"int\"").await;
    server.register(":.eu:t", "\"int\"").await;
    let refused = (422, 42205, "Cannot import since found existing subjects".to_owned());
    for scope in ["/mode", "/mode/s", "/mode/:.eu:", "/mode/:.eu:t", "/mode/:.__GLOBAL:"] {
        assert_eq!(server.put(scope, &mode("IMPORT")).await.error(), refused, "{scope}");
    }
    assert_eq!(server.put("/mode/other", &mode("IMPORT")).await.status, 200);
    assert_eq!(server.put("/mode/:.us:", &mode("IMPORT")).await.status, 200);
    assert_eq!(server.put("/mode/s?force=true", &mode("IMPORT")).await.status, 200);
    // What is soft deleted makes way.
    server.delete("/subjects/:.eu:t").await;
    assert_eq!(server.put("/mode/:.eu:", &mode("IMPORT")).await.status, 200);
    assert_eq!(server.get("/subjects?deleted=true&subjectPrefix=:.eu:").await.body, "[]");
    server.put("/mode/:.eu:", &mode("READWRITE")).await;
    assert_eq!(server.register(":.eu:t", "\"long\"").await.json(), json!({ "id": 2 }));
}

#[tokio::test]
async fn an_import_over_a_version_replaces_it() {
    let server = Server::start().await;
    server.put("/mode", &mode("IMPORT")).await;
    for (schema, id) in [("\"int\"", 1), ("\"string\"", 2)] {
        let body = json!({ "schema": schema, "id": id, "version": 1 });
        assert_eq!(server.post("/subjects/s/versions", &body).await.json(), json!({ "id": id }));
    }
    assert_eq!(server.get("/subjects/s/versions/1").await.json()["id"], 2);
    assert_eq!(server.get("/schemas/ids/1").await.error().1, 40403);
    // Two ids for one schema can come from elsewhere; the schema goes on with one.
    for (subject, id) in [("a", 10), ("b", 11)] {
        let body = json!({ "schema": "\"double\"", "id": id, "version": 1 });
        let path = format!("/subjects/{subject}/versions");
        assert_eq!(server.post(&path, &body).await.json(), json!({ "id": id }));
    }
    server.put("/mode", &mode("READWRITE")).await;
    assert_eq!(server.register("c", "\"double\"").await.json(), json!({ "id": 11 }));
    server.delete("/subjects/b").await;
    server.delete("/subjects/c").await;
    server.delete("/subjects/b?permanent=true").await;
    server.delete("/subjects/c?permanent=true").await;
    assert_eq!(server.register("d", "\"double\"").await.json(), json!({ "id": 10 }));
}
