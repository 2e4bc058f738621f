//! Content types: what may be sent, what may be answered.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::response;

/// The types of answers, the preferred one first.
const ANSWERS: [&str; 3] = [
    "application/vnd.schemaregistry.v1+json",
    "application/vnd.schemaregistry+json",
    "application/json",
];

/// What may be sent besides.
const GENERIC: &str = "application/octet-stream";

/// Refuses what is sent or asked for in a type that is not known, and gives answers the
/// type that was asked for.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    if !is_readable(request.method(), request.headers()) {
        let message = "HTTP 415 Unsupported Media Type: send \
                       Content-Type: application/vnd.schemaregistry.v1+json";
        return response::error(415, 415, message);
    }
    let Some(wanted) = wanted(request.headers()) else {
        return response::error(406, 406, "HTTP 406 Not Acceptable");
    };
    let mut answer = next.run(request).await;
    let is_text = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind != ANSWERS[0]);
    if is_text && answer.status().is_client_error() {
        // A path or query that the framework could not decode.
        let status = answer.status();
        let message = format!("HTTP {status}: the path or the query can't be decoded");
        answer = response::error(status.as_u16(), status.as_u16().into(), &message);
    }
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(wanted));
    answer
}

fn is_readable(method: &Method, headers: &HeaderMap) -> bool {
    if !matches!(*method, Method::POST | Method::PUT) {
        return true;
    }
    let Some(sent) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let sent = sent.to_str().unwrap_or_default();
    let sent = sent.split(';').next().unwrap_or_default().trim();
    let mut known = ANSWERS.iter().chain([&GENERIC]);
    known.any(|known| known.eq_ignore_ascii_case(sent))
}

/// The best type that the client takes, by its `Accept` header.
fn wanted(headers: &HeaderMap) -> Option<&'static str> {
    let mut best: Option<(f32, &'static str)> = None;
    let mut said = false;
    for header in headers.get_all(ACCEPT) {
        for range in header.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            said = said || !name.is_empty();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight: f32 = weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0);
            let found = ANSWERS.iter().find(|answer| {
                answer.eq_ignore_ascii_case(name) || name == "*/*" || name == "application/*"
            });
            let Some(found) = found.filter(|_| weight > 0.0) else {
                continue;
            };
            if best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, found));
            }
        }
    }
    match best {
        Some((_, answer)) => Some(answer),
        None if said => None,
        None => Some(ANSWERS[0]),
    }
}
