//! `/connectors/{name}/preview`: what statements would do. An addition to
//! Connect's interface.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::address::Path;
use super::answer::{Answer, Error};
use super::body::JsonObject;
use crate::supervisor::Handle;

/// Tells it, and changes nothing.
pub(super) async fn tell(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    JsonObject(mut body): JsonObject,
) -> Answer<Json<Value>> {
    let sql = match body.remove("sql") {
        Some(Value::String(sql)) => sql,
        _ => {
            return Err(Error::bad_request(
                r#"sql is missing: send {"sql": "ALTER TABLE ..."}, the statements that are to be run"#,
            ));
        }
    };
    if let Some(field) = body.keys().next() {
        return Err(Error::bad_request(format!("unrecognized field {field}: sql is known")));
    }
    Ok(Json(handle.preview(&name, &sql).await?))
}
