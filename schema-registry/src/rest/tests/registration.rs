//! What a registration makes of a schema.

use super::*;

const WRITTEN: &str = r#"{"namespace":"shop","name":"Order","type":"record","doc":"","aliases":["Old","Bill"],"fields":[{"name":"amount","type":{"type":"bytes","connect.name":"D","precision":9,"scale":2,"logicalType":"decimal"},"order":"ascending"},{"name":"ratio","type":"double","default":1,"zz":1,"aa":{"d":1,"c":2}}]}"#;

const NORMAL: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2,"connect.name":"D"}},{"name":"ratio","type":"double","default":1.0,"aa":{"c":2,"d":1},"zz":1}],"aliases":["Bill","Old"]}"#;

#[tokio::test]
async fn schemas_are_normalized_where_that_is_asked_for() {
    let server = Server::start().await;
    let body = json!({ "schema": WRITTEN });
    let path = "/subjects/a/versions?normalize=true";
    assert_eq!(server.post(path, &body).await.json(), json!({ "id": 1 }));
    assert_eq!(server.get("/schemas/ids/1/schema").await.body, NORMAL);
    assert_eq!(server.post(path, &json!({ "schema": NORMAL })).await.json(), json!({ "id": 1 }));
    // Under another subject the text as it is written is another schema, unless the
    // settings say otherwise.
    server.put("/config/b", &json!({ "normalize": true })).await;
    assert_eq!(server.register("b", WRITTEN).await.json(), json!({ "id": 1 }));
    assert_eq!(server.register("c", WRITTEN).await.json(), json!({ "id": 2 }));
    assert_eq!(server.post("/subjects/b", &body).await.json()["id"], 1);
    assert_eq!(server.post("/subjects/c?normalize=true", &body).await.json()["id"], 2);
    let check = server.post("/compatibility/subjects/a/versions?normalize=true", &body).await;
    assert_eq!(check.json(), json!({ "is_compatible": true }));
}

/// Within a subject a schema that differs in the order of attributes only is the same
/// version, as in Java.
#[tokio::test]
async fn the_order_of_attributes_makes_no_version() {
    let server = Server::start().await;
    let a = r#"{"type":"int","connect.name":"D","connect.version":1}"#;
    let b = r#"{"type":"int","connect.version":1,"connect.name":"D"}"#;
    assert_eq!(server.register("s", a).await.json(), json!({ "id": 1 }));
    assert_eq!(server.register("s", b).await.json(), json!({ "id": 1 }));
    assert_eq!(server.get("/subjects/s/versions").await.body, "[1]");
    let found = server.post("/subjects/s", &json!({ "schema": b })).await.json();
    assert_eq!((&found["version"], &found["schema"]), (&json!(1), &json!(a)));
    assert_eq!(server.register("t", b).await.json(), json!({ "id": 2 }));
}

#[tokio::test]
async fn metadata_go_on_from_version_to_version() {
    let server = Server::start().await;
    let path = "/subjects/s/versions";
    let owner = json!({ "properties": { "owner": "me" } });
    server.post(path, &json!({ "schema": "\"int\"", "metadata": owner })).await;
    let next = server.register("s", "\"long\"").await.json();
    assert_eq!(next, json!({ "id": 2, "version": 2, "schema": "\"long\"", "metadata": owner }));
    // Other metadata make another version of the same text; without a text it is the
    // latest one's.
    let you = json!({ "properties": { "owner": "you" } });
    let again = server.post(path, &json!({ "metadata": you })).await.json();
    assert_eq!(again, json!({ "id": 3, "version": 3, "schema": "\"long\"", "metadata": you }));
    // One that asks for a version writes that into the metadata.
    let asked = server.post(path, &json!({ "schema": "\"float\"", "version": 4 })).await.json();
    assert_eq!(
        asked["metadata"]["properties"],
        json!({ "confluent:version": "4", "owner": "you" })
    );
    let wrong = server.post(path, &json!({ "schema": "\"double\"", "version": 7 })).await.error();
    assert_eq!(wrong, (422, 42201, "Version is not one more than previous version".to_owned()));
    let latest = json!({ "schema": "\"float\"", "version": -1, "metadata": you });
    assert_eq!(server.post(path, &latest).await.json(), json!({ "id": asked["id"] }));
    assert_eq!(server.get(path).await.body, "[1,2,3,4]");
}

#[tokio::test]
async fn a_schema_finds_its_like_with_references() {
    let server = Server::start().await;
    let address = r#"{"type":"fixed","name":"Address","size":4}"#;
    server.register("address", address).await;
    let customer = r#"{"type":"record","name":"C","fields":[{"name":"a","type":"Address"}]}"#;
    let references = json!([{ "name": "Address", "subject": "address", "version": 1 }]);
    let body = json!({ "schema": customer, "references": references });
    assert_eq!(server.post("/subjects/c/versions", &body).await.json(), json!({ "id": 2 }));
    let whole = customer.replace("\"Address\"", address);
    let found = server.post("/subjects/c", &json!({ "schema": whole })).await.json();
    assert_eq!((&found["id"], &found["references"]), (&json!(2), &references));
    assert_eq!(server.register("c", &whole).await.json(), json!({ "id": 2 }));
    let resolved = server.get("/subjects/c/versions/1/schema?format=resolved").await;
    assert_eq!(resolved.body, whole);
    assert_eq!(server.get("/subjects/c/versions/1/schema?format=nothing").await.body, customer);
    let shown = server.get("/schemas/ids/2?format=resolved").await.json();
    assert_eq!(shown["schema"], whole);
    // Soft deleted, the user does not stand in the way of a soft deletion; of one for
    // good it does.
    server.delete("/subjects/c").await;
    assert_eq!(server.get("/subjects/address/versions/1/referencedby").await.body, "[]");
    let all = server.get("/subjects/address/versions/1/referencedby?deleted=true").await;
    assert_eq!(all.body, "[2]");
    assert_eq!(server.delete("/subjects/address").await.body, "[1]");
    // What refers to a deleted version can be read, but not registered again.
    assert_eq!(server.get("/schemas/ids/2?format=resolved").await.json()["schema"], whole);
    assert_eq!(server.post("/subjects/d/versions", &body).await.error().1, 42201);
    assert_eq!(server.delete("/subjects/address?permanent=true").await.error().1, 42206);
    server.delete("/subjects/c?permanent=true").await;
    assert_eq!(server.delete("/subjects/address?permanent=true").await.body, "[1]");
}

#[tokio::test]
async fn lists_of_schemas_are_cut_and_chosen() {
    let server = Server::start().await;
    for (subject, schema) in
        [("a", "\"int\""), ("a", "\"long\""), ("b", "\"int\""), ("bb", "\"bytes\"")]
    {
        server.register(subject, schema).await;
    }
    server.delete("/subjects/b").await;
    let list = async |query: &str| {
        let all = server.get(&format!("/schemas{query}")).await.json();
        let all = all.as_array().unwrap().clone();
        let name = |one: &Value| {
            format!("{}{}:{}", one["subject"].as_str().unwrap(), one["version"], one["id"])
        };
        all.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(list("").await, ["a1:1", "a2:2", "bb1:3"]);
    assert_eq!(list("?deleted=true").await, ["a1:1", "a2:2", "b1:1", "bb1:3"]);
    assert_eq!(list("?latestOnly=true").await, ["a2:2", "bb1:3"]);
    assert_eq!(list("?subjectPrefix=b").await, ["bb1:3"]);
    assert_eq!(list("?offset=1&limit=1").await, ["a2:2"]);
    assert_eq!(list("?limit=0&offset=-1").await, ["a1:1", "a2:2", "bb1:3"]);
    assert_eq!(server.get("/subjects/a/versions?offset=1").await.body, "[2]");
    assert_eq!(server.get("/subjects?limit=x").await.error().0, 404);
    assert_eq!(server.get("/schemas?aliases=true").await.error().1, 42205);
    let id = server.get("/v1/metadata/id").await.json();
    assert_eq!(id["scope"]["clusters"]["schema-registry-cluster"], "schema-registry");
    let version = server.get("/v1/metadata/version").await.json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn with_the_last_version_go_the_settings() {
    let server = Server::start().await;
    server.register("s", "\"int\"").await;
    server.put("/config/s", &json!({ "compatibility": "FULL" })).await;
    server.put("/mode/s", &json!({ "mode": "READWRITE" })).await;
    server.delete("/subjects/s").await;
    assert_eq!(server.get("/config/s").await.status, 200);
    server.delete("/subjects/s/versions/1?permanent=true").await;
    assert_eq!(server.get("/config/s").await.error().1, 40408);
    assert_eq!(server.get("/mode/s").await.error().1, 40409);
    // A version that is registered again takes the place of its soft deleted one.
    server.register("t", "\"int\"").await;
    server.delete("/subjects/t").await;
    server.register("t", "\"int\"").await;
    assert_eq!(server.get("/subjects/t/versions?deleted=true").await.body, "[2]");
}
