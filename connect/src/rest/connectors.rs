//! `/connectors`: all of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::address::Query;
use super::answer::{Answer, Error};
use super::body::JsonObject;
use super::connector::{info_of, made, named, status_of};
use crate::store::TargetState;
use crate::supervisor::{Handle, Posted};

const NO_CONFIG: &str = "config is missing or not an object: the body is {\"name\": \"...\", \
     \"config\": {...}} (PUT /connectors/NAME/config takes the config alone)";

/// Names, or with `expand` what is asked for of each.
pub(super) async fn list(
    State(handle): State<Handle>,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer<Json<Value>> {
    let expand: Vec<&str> =
        query.iter().filter(|(key, _)| key == "expand").map(|(_, value)| value.as_str()).collect();
    if expand.is_empty() {
        return Ok(Json(json!(handle.board().names())));
    }
    let mut all = Map::new();
    for name in handle.board().names() {
        let Ok(view) = handle.view(&name) else { continue };
        let mut one = Map::new();
        for what in &expand {
            match *what {
                "status" => {
                    one.insert("status".into(), status_of(&handle, &name, &view).await);
                }
                "info" => {
                    one.insert("info".into(), info_of(&handle, &name, &view));
                }
                // As in the real Connect, which ignores it with a log line.
                _ => {}
            }
        }
        all.insert(name.to_string(), Value::Object(one));
    }
    Ok(Json(Value::Object(all)))
}

/// Makes one.
pub(super) async fn create(
    State(handle): State<Handle>,
    headers: HeaderMap,
    JsonObject(mut body): JsonObject,
) -> Answer<impl IntoResponse> {
    let name = match body.remove("name") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(name)) => name.trim().to_owned(),
        Some(_) => return Err(Error::bad_request("name is not a text")),
    };
    let config = match body.remove("config") {
        Some(Value::Object(config)) => Handle::texts(config)?,
        _ => return Err(Error::bad_request(NO_CONFIG)),
    };
    let target = match body.remove("initial_state") {
        None | Some(Value::Null) => TargetState::Started,
        Some(state) => initial_state(&state)?,
    };
    if let Some(key) = body.keys().next() {
        return Err(Error::bad_request(format!(
            "unrecognized field {key}: name, config and initial_state are known"
        )));
    }
    if name.is_empty() && config.get("name").is_some_and(|inside| !inside.is_empty()) {
        return Err(Error::bad_request(
            "name is missing: it stands beside config, not in it alone",
        ));
    }
    let config = named(&name, config)?;
    let secrets = handle.reader().secrets(&config);
    // A mask in a new connector hides nothing that could be put in its place.
    let config = secrets.restored(config, None).map_err(Error::bad_request)?;
    handle.create(Posted { name: Arc::from(&*name), config }, target).await?;
    let view = handle.view(&name)?;
    let place = location(&headers, &name);
    let info = Json(made(&handle, &name, &view));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], info))
}

fn initial_state(state: &Value) -> Answer<TargetState> {
    match state.as_str().map(str::to_ascii_uppercase).as_deref() {
        Some("RUNNING") => Ok(TargetState::Started),
        Some("PAUSED") => Ok(TargetState::Paused),
        Some("STOPPED") => Ok(TargetState::Stopped),
        _ => Err(Error::bad_request("initial_state is none of RUNNING, PAUSED, STOPPED")),
    }
}

pub(super) fn location(headers: &HeaderMap, name: &str) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let name: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    match host {
        Some(host) => format!("http://{host}/connectors/{name}"),
        None => format!("/connectors/{name}"),
    }
}
