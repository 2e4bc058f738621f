//! The vocabulary that every part of Thalweg shares: schemas and values, batches
//! of rows, positions, connector traits, config definitions and errors.

pub mod avro;
pub mod batch;
pub mod codec;
pub mod config;
pub mod connector;
mod error;
pub mod failpoint;
pub mod json;
mod position;
pub mod schema;

pub use error::{ConnectError, Coordinates, ErrorKind};
pub use position::{Durable, JsonMap, Position};

use std::future::Future;
use std::pin::Pin;

/// A boxed future, as the object-safe traits return it: one a batch, never one a row.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
