//! Settings besides the level.

use super::*;

#[tokio::test]
async fn settings_are_changed_one_by_one() {
    let server = Server::start().await;
    let first = json!({ "normalize": true, "compatibilityGroup": "major" });
    assert_eq!(server.put("/config/s", &first).await.json(), first);
    let alias = server.put("/config/s", &json!({ "alias": "t", "compatibility": "full" })).await;
    assert_eq!(
        alias.json(),
        json!({
            "alias": "t", "normalize": true, "compatibility": "FULL",
            "compatibilityGroup": "major",
        })
    );
    assert_eq!(
        server.get("/config/s").await.json(),
        json!({
            "alias": "t", "normalize": true, "compatibilityLevel": "FULL",
            "compatibilityGroup": "major",
        })
    );
    server.put("/config/s", &json!({ "alias": null, "compatibility": null })).await;
    // Without a level of its own it is at the default one, as Confluent's is.
    let kept = json!({
        "normalize": true, "compatibilityLevel": "BACKWARD", "compatibilityGroup": "major",
    });
    assert_eq!(server.get("/config/s").await.json(), kept);
    let all = json!({ "compatibility": "NONE", "compatibilityGroup": "minor", "normalize": false });
    server.put("/config", &all).await;
    assert_eq!(server.get("/config/s?defaultToGlobal=true").await.json(), kept);
    server.put("/config/s", &json!({ "compatibilityGroup": null })).await;
    assert_eq!(
        server.get("/config/s?defaultToGlobal=true").await.json(),
        json!({
            "normalize": true, "compatibilityLevel": "BACKWARD", "compatibilityGroup": "minor",
        })
    );
    assert_eq!(
        server.get("/config/other?defaultToGlobal=true").await.json(),
        json!({ "normalize": false, "compatibilityLevel": "NONE", "compatibilityGroup": "minor" })
    );
    assert_eq!(server.delete("/config").await.json()["compatibilityLevel"], "NONE");
    assert_eq!(server.get("/config").await.json(), json!({ "compatibilityLevel": "BACKWARD" }));
    let named = server.put("/config/s", &json!({ "compatibilityLevel": "FULL" })).await.error();
    assert_eq!((named.0, named.1), (422, 42203));
    assert_eq!(server.delete("/config/s").await.json()["normalize"], true);
    assert_eq!(server.get("/config/s").await.error().1, 40408);
}

#[tokio::test]
async fn contexts_have_settings() {
    let server = Server::start().await;
    server.put("/config/:.__GLOBAL:", &json!({ "compatibility": "FULL" })).await;
    server.put("/contexts/eu/config", &json!({ "compatibility": "NONE" })).await;
    let level = |name: &str| json!({ "compatibilityLevel": name });
    let answers = [
        ("/config/:.eu:", level("NONE")),
        ("/config/:.eu:a?defaultToGlobal=true", level("NONE")),
        ("/config/:.us:a?defaultToGlobal=true", level("FULL")),
        ("/config/a?defaultToGlobal=true", level("FULL")),
        ("/config?defaultToGlobal=true", level("FULL")),
        ("/config", level("BACKWARD")),
        ("/config/:.:", level("BACKWARD")),
    ];
    for (path, answer) in answers {
        assert_eq!(server.get(path).await.json(), answer, "{path}");
    }
    assert_eq!(server.get("/config/:.us:").await.error().1, 40408);
}

#[tokio::test]
async fn an_alias_stands_for_another_subject() {
    let server = Server::start().await;
    server.register("orders-v2", "\"int\"").await;
    server.put("/config/orders", &json!({ "alias": "orders-v2" })).await;
    let body = json!({ "schema": "\"int\"" });
    let found = json!({ "subject": "orders-v2", "version": 1, "id": 1, "schema": "\"int\"" });
    assert_eq!(server.get("/subjects/orders/versions/latest").await.json(), found);
    assert_eq!(server.post("/subjects/orders", &body).await.json(), found);
    assert_eq!(server.register("orders", "\"long\"").await.json(), json!({ "id": 2 }));
    assert_eq!(server.get("/subjects").await.json(), json!(["orders-v2"]));
    let path = "/compatibility/subjects/orders/versions";
    let text = json!({ "schema": "\"string\"" });
    assert_eq!(server.post(path, &text).await.json(), json!({ "is_compatible": false }));
    assert_eq!(server.get("/schemas/ids/1?subject=orders").await.status, 200);
    // Settings are of the name that is given.
    assert_eq!(server.get("/config/orders").await.json()["alias"], "orders-v2");
    // An alias in a context is in that context.
    server.register(":.eu:b", "\"bytes\"").await;
    server.put("/contexts/eu/config/a", &json!({ "alias": "b" })).await;
    let shown = server.get("/contexts/eu/subjects/a/versions/1").await.json();
    assert_eq!(shown["subject"], ":.eu:b");
}

#[tokio::test]
async fn versions_of_other_groups_are_not_compared() {
    let server = Server::start().await;
    server.put("/config/s", &json!({ "compatibilityGroup": "major" })).await;
    let version = |schema: &str, major: &str| json!({ "schema": schema, "metadata": { "properties": { "major": major } } });
    let path = "/subjects/s/versions";
    assert_eq!(server.post(path, &version("\"int\"", "1")).await.status, 200);
    let check = "/compatibility/subjects/s/versions";
    let text = "\"string\"";
    assert_eq!(server.post(check, &version(text, "1")).await.json()["is_compatible"], false);
    assert_eq!(server.post(check, &version(text, "2")).await.json()["is_compatible"], true);
    assert_eq!(server.post(path, &version(text, "1")).await.error().1, 409);
    assert_eq!(server.post(path, &version(text, "2")).await.status, 200);
    // The latest of the group, not the latest.
    assert_eq!(server.post(path, &version("\"long\"", "1")).await.status, 200);
    assert_eq!(server.post(path, &version("\"int\"", "2")).await.error().1, 409);
}

#[tokio::test]
async fn metadata_and_rules_are_merged_into_versions() {
    let server = Server::start().await;
    let rule = |name: &str, expr: &str| json!({ "name": name, "type": "CEL", "expr": expr });
    let config = json!({
        "defaultMetadata": { "properties": { "owner": "nobody", "tier": "3" } },
        "overrideMetadata": { "properties": { "audited": "yes" }, "tags": { "a": ["PII"] } },
        "defaultRuleSet": { "domainRules": [rule("size", "1"), rule("form", "2")] },
    });
    assert_eq!(server.put("/config/s", &config).await.status, 200);
    let body = json!({
        "schema": "\"int\"",
        "metadata": { "properties": { "owner": "me", "audited": "no" } },
        "ruleSet": { "domainRules": [rule("form", "3")] },
    });
    let answer = server.post("/subjects/s/versions", &body).await.json();
    let full = |name: &str, expr: &str| {
        json!({
            "name": name, "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "CEL",
            "expr": expr, "disabled": false,
        })
    };
    let metadata = json!({
        "tags": { "a": ["PII"] },
        "properties": { "audited": "yes", "owner": "me", "tier": "3" },
    });
    let rules = json!({ "domainRules": [full("size", "1"), full("form", "3")] });
    assert_eq!(
        answer,
        json!({ "id": 1, "version": 1, "schema": "\"int\"", "metadata": metadata, "ruleSet": rules })
    );
    assert_eq!(server.get("/schemas/ids/1").await.json()["metadata"], metadata);
    assert_eq!(server.post("/subjects/s/versions", &body).await.json()["id"], 1);
    // Found by what was asked for, and by what was stored.
    assert_eq!(server.post("/subjects/s", &body).await.json()["version"], 1);
    let stored = json!({ "schema": "\"int\"", "metadata": metadata, "ruleSet": rules });
    assert_eq!(server.post("/subjects/s", &stored).await.json()["version"], 1);
    let found = server.get("/subjects/s/metadata?key=tier&value=3&key=owner&value=me").await.json();
    assert_eq!(found["version"], 1);
    let none = server.get("/subjects/s/metadata?key=tier&value=4").await.error();
    assert_eq!((none.1, none.2.as_str()), (40403, "Schema not found"));
    assert_eq!(server.get("/schemas?ruleType=CEL").await.json().as_array().unwrap().len(), 1);
    assert_eq!(server.get("/schemas?ruleType=JSONATA").await.body, "[]");
}
