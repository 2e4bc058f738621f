//! Bodies of requests, bounded in size and time.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};

use super::answer::Error;

/// Most bytes of a body (invariant 7).
const BODY_BYTES_MAX: usize = 1 << 20;

/// The longest that a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A body that is a JSON object.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !is_json(kind) {
            return Err(Error::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "HTTP 415 Unsupported Media Type: send the header Content-Type: application/json",
            ));
        }
        let bytes =
            tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), BODY_BYTES_MAX))
                .await
                .map_err(|_| {
                    Error::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")
                })?
                .map_err(|_| {
                    Error::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        format!("the body is cut off or longer than {BODY_BYTES_MAX} bytes"),
                    )
                })?;
        if bytes.is_empty() {
            return Err(Error::bad_request("the body is empty: a JSON object is expected"));
        }
        // Serde's own text may quote what it read (invariant 8).
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(Error::bad_request("the body is not a JSON object")),
            Err(error) => Err(Error::bad_request(format!(
                "the body is not JSON: it goes wrong at line {}, column {}",
                error.line(),
                error.column()
            ))),
        }
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
