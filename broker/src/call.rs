//! One request, and how it is decoded and answered.

use std::net::SocketAddr;

use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, Encodable};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::apis::{self, Api};
use crate::wire::{Malformed, Reader, Response, ResponseBuilder, layout};

/// A request whose header is read.
pub(crate) struct Call {
    pub(crate) api: &'static Api,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    /// What follows its header.
    pub(crate) body: Bytes,
    /// Where the client connected to.
    pub(crate) local: SocketAddr,
    /// Told when nobody waits for long any more.
    pub(crate) leaving: CancellationToken,
    /// Its place in memory, if it is large.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// Why a frame has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswerable {
    /// There is no such API here.
    #[error("it asks for API {0}, which is not supported")]
    Api(i16),
    /// The API is there, not this version of it.
    #[error("it asks for version {version} of {api}, which has {first} to {last}")]
    Version { api: &'static str, version: i16, first: i16, last: i16 },
    /// It is no request.
    #[error("malformed: {0}")]
    Malformed(#[from] Malformed),
}

impl Call {
    /// Reads the header of a frame (without its length field).
    pub(crate) fn read(
        frame: &Bytes,
        local: SocketAddr,
        leaving: CancellationToken,
    ) -> Result<Self, Unanswerable> {
        let mut reader = Reader::new(frame, false);
        let (key, version, correlation) = (reader.i16()?, reader.i16()?, reader.i32()?);
        let api = apis::find(key).ok_or(Unanswerable::Api(key))?;
        let is_known = (api.first..=api.last).contains(&version);
        // A client that does not know what we speak asks in its latest words;
        // it is answered in the oldest.
        let is_greeting = key == apis::api_versions::KEY;
        if !is_known && !is_greeting {
            let (first, last) = (api.first, api.last);
            return Err(Unanswerable::Version { api: api.name, version, first, last });
        }
        let mut body = Bytes::new();
        if is_known {
            reader.optional_text()?;
            // Only the tagged fields of the header depend on the style.
            let mut reader = Reader::new(reader.rest(), api.is_flexible(version));
            reader.tags()?;
            body = frame.slice_ref(reader.rest());
        }
        Ok(Self { api, version, correlation, body, local, leaving, permit: None })
    }

    /// Whether lengths are varints, and structures end in tagged fields.
    pub(crate) fn is_flexible(&self) -> bool {
        self.api.is_flexible(self.version)
    }

    /// Decodes a message of the control plane, once its lengths are checked.
    pub(crate) fn decode<M: Decodable>(&self) -> Result<M, Malformed> {
        layout::check(&self.body, self.api.layout, self.version, self.is_flexible())?;
        M::decode(&mut self.body.clone(), self.version).map_err(|_| Malformed::Undecodable)
    }

    /// Begins an answer by hand.
    pub(crate) fn begin(&self) -> ResponseBuilder {
        let is_flexible = self.is_flexible();
        ResponseBuilder::new(self.correlation, is_flexible, is_flexible)
    }

    /// An answer of the control plane.
    pub(crate) fn encode(&self, message: &impl Encodable) -> Result<Response, Malformed> {
        let mut builder = self.begin();
        builder.message(message, self.version)?;
        Ok(builder.finish())
    }
}
