//! `/connectors/{name}/offsets`.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::address::Path;
use super::answer::{Answer, Error};
use super::body::JsonObject;
use crate::supervisor::{Alteration, Handle, OffsetsChange};

/// How far it is.
pub(super) async fn get(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(handle.offsets(&name).await?))
}

/// Sets where it goes on, once it is stopped; null is the beginning.
pub(super) async fn alter(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    JsonObject(body): JsonObject,
) -> Answer<Json<Value>> {
    handle.set_offsets(&name, OffsetsChange::Alter(alterations(body)?)).await?;
    Ok(done("altered"))
}

/// Lets it begin at the beginning, once it is stopped.
pub(super) async fn reset(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    handle.set_offsets(&name, OffsetsChange::Reset).await?;
    Ok(done("reset"))
}

fn done(what: &str) -> Json<Value> {
    Json(json!({
        "message": format!("The offsets for this connector have been {what} successfully"),
    }))
}

fn alterations(mut body: Map<String, Value>) -> Answer<Vec<Alteration>> {
    let offsets = match body.remove("offsets") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(offsets)) => offsets,
        Some(_) => return Err(Error::bad_request("offsets is not a list")),
    };
    if let Some(field) = body.keys().next() {
        return Err(Error::bad_request(format!("unrecognized field {field}: offsets is known")));
    }
    if offsets.is_empty() {
        return Err(Error::bad_request(
            "Partitions / offsets need to be provided for an alter offsets request",
        ));
    }
    let entries = offsets.into_iter().enumerate();
    entries.map(|(number, entry)| alteration(entry, &format!("offsets[{number}]"))).collect()
}

fn alteration(entry: Value, place: &str) -> Answer<Alteration> {
    let Value::Object(mut entry) = entry else {
        return Err(Error::bad_request(format!("{place} is not an object")));
    };
    let mut map = |field: &str| match entry.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => {
            Err(Error::bad_request(format!("{field} of {place} is neither an object nor null")))
        }
    };
    let (partition, offset) = (map("partition")?, map("offset")?);
    if let Some(field) = entry.keys().next() {
        return Err(Error::bad_request(format!(
            "unrecognized field {field} of {place}: partition and offset are known"
        )));
    }
    Ok(Alteration { partition, offset })
}
