//! What a request is about: the parts of its path, with the context that it is in.
//!
//! `/contexts/NAME/...` says the context of all that follows, unless a subject in it
//! names its own. A subject that has an alias stands for the one that the alias says,
//! except where settings are read and written.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::response::Failure;
use crate::Registry;
use crate::registry::context::{is_qualified, named, normalize};

/// The context of a request.
pub(super) struct Context {
    /// What its subjects begin with.
    pub(super) prefix: String,
    /// Whether the path says which it is.
    pub(super) is_named: bool,
}

/// A subject, and the version that the path says, if it does.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

/// What settings are of: a subject, a context, or all.
pub(super) struct Scope(pub(super) Option<String>);

/// An id, and the context that it is in.
pub(super) struct Id {
    pub(super) id: i32,
    pub(super) context: String,
}

struct Path {
    context: String,
    is_in_context: bool,
    params: HashMap<String, String>,
}

impl Path {
    async fn of(parts: &mut Parts) -> Result<Self, Failure> {
        let bad = |_| {
            let message = "HTTP 400 Bad Request: the path can't be decoded".to_owned();
            Failure::Request(400, 400, message)
        };
        let params = RawPathParams::from_request_parts(parts, &()).await.map_err(bad)?;
        let params: HashMap<String, String> =
            params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let context = params.get("context").map_or(Ok(String::new()), |context| named(context));
        let context = context.map_err(|message| Failure::Request(400, 400, message))?;
        Ok(Self { context, is_in_context: params.contains_key("context"), params })
    }

    fn subject(&mut self) -> Option<String> {
        let subject = self.params.remove("subject")?;
        Some(qualified(&self.context, &subject))
    }
}

/// A name in a context, unless it names one itself.
pub(super) fn qualified(context: &str, name: &str) -> String {
    if is_qualified(name) { normalize(name) } else { format!("{context}{name}") }
}

/// The beginning of names in a context, unless it names one itself. It may be the
/// beginning of a context's name only.
pub(super) fn prefixed(context: &str, prefix: &str) -> String {
    if is_qualified(prefix) { prefix.to_owned() } else { format!("{context}{prefix}") }
}

impl FromRequestParts<Arc<Registry>> for Context {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Registry>) -> Result<Self, Failure> {
        let path = Path::of(parts).await?;
        Ok(Self { prefix: path.context, is_named: path.is_in_context })
    }
}

impl FromRequestParts<Arc<Registry>> for Subject {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        registry: &Arc<Registry>,
    ) -> Result<Self, Failure> {
        let mut path = Path::of(parts).await?;
        let name = registry.resolve_alias(&path.subject().unwrap_or_default());
        Ok(Self { name, version: path.params.remove("version") })
    }
}

impl FromRequestParts<Arc<Registry>> for Scope {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Registry>) -> Result<Self, Failure> {
        let mut path = Path::of(parts).await?;
        let subject = path.subject();
        let context = path.is_in_context.then_some(path.context);
        Ok(Self(subject.or(context).filter(|scope| !crate::registry::context::is_default(scope))))
    }
}

impl FromRequestParts<Arc<Registry>> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Registry>) -> Result<Self, Failure> {
        let path = Path::of(parts).await?;
        // What is no number is no resource, as in Confluent's registry.
        let id = path.params.get("id").and_then(|id| id.parse().ok());
        let id = id.ok_or_else(Failure::not_found)?;
        Ok(Self { id, context: path.context })
    }
}
