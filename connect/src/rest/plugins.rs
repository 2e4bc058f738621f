//! `/connector-plugins`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::address::Path;
use super::answer::{Answer, Error};
use super::body::JsonObject;
use crate::config::definition_json;
use crate::supervisor::Handle;

/// The kinds of connectors.
pub(super) async fn list(State(handle): State<Handle>) -> Json<Value> {
    let all: Vec<Value> = handle
        .reader()
        .plugins
        .all()
        .into_iter()
        .map(|plugin| {
            let about = plugin.about();
            json!({ "class": about.class, "type": plugin.kind(), "version": about.version })
        })
        .collect();
    Json(Value::Array(all))
}

/// The keys of one.
pub(super) async fn config(
    State(handle): State<Handle>,
    Path(plugin): Path<String>,
) -> Answer<Json<Value>> {
    let reader = handle.reader();
    let unknown = |_| Error::not_found(format!("Unknown plugin {plugin}."));
    let plugin = reader.plugins.find(&plugin).map_err(unknown)?;
    let definitions = reader.describe(plugin);
    let definitions = definitions.iter().zip(1..);
    Ok(Json(definitions.map(|(definition, order)| definition_json(definition, order)).collect()))
}

/// What is wrong with a config of one.
pub(super) async fn validate(
    State(handle): State<Handle>,
    Path(plugin): Path<String>,
    JsonObject(config): JsonObject,
) -> Answer<Json<Value>> {
    let reader = handle.reader();
    let config = Handle::texts(config)?;
    let in_path = reader.plugins.find(&plugin).map_err(Error::bad_request)?.clone();
    let inside = reader.plugin(&config).map_err(Error::bad_request)?;
    if inside.about().class != in_path.about().class {
        return Err(Error::bad_request(format!(
            "Included connector type {} does not match request type {}",
            inside.about().class,
            in_path.about().class
        )));
    }
    let stored = config.get("name").and_then(|name| handle.view(name).ok());
    let stored = stored.as_ref().map(|view| &*view.config);
    let secrets = reader.secrets(&config);
    let config = secrets.restored(config, stored).map_err(Error::bad_request)?;
    Ok(Json(handle.validate(&in_path, &config).await))
}
