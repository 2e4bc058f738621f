//! `{"schema": ..., "payload": ...}`: what JsonConverter writes with
//! `schemas.enable=true`.

use super::read::Reader;
use crate::codec::{DecodeError, DecodeProblem};

/// The two parts of an envelope, as they stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The schema.
    pub schema: &'a [u8],
    /// The value.
    pub payload: &'a [u8],
    /// Where the payload begins.
    pub payload_at: usize,
}

/// Takes an envelope apart. Fails if it is no object of exactly these two.
pub fn split_envelope(bytes: &[u8]) -> Result<Envelope<'_>, DecodeError> {
    let fault = |at, problem| DecodeError { field: String::new(), at, problem };
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(fault(error.valid_up_to(), DecodeProblem::NotText));
    }
    let mut reader = Reader::new(bytes);
    if reader.peek() != Some(b'{') {
        return Err(fault(reader.at(), DecodeProblem::Missing));
    }
    let (mut schema, mut payload) = (None, None);
    let read = reader.members(|reader, name| {
        let part = match name.raw {
            b"schema" => &mut schema,
            b"payload" => &mut payload,
            _ => return Err(DecodeProblem::WrongType),
        };
        reader.peek();
        let start = reader.at();
        reader.skip_value()?;
        match part.replace((start, reader.from(start))) {
            None => Ok(()),
            Some(_) => Err(DecodeProblem::Twice),
        }
    });
    read.and_then(|()| reader.end()).map_err(|problem| fault(reader.at(), problem))?;
    match (schema, payload) {
        (Some((_, schema)), Some((payload_at, payload))) => {
            Ok(Envelope { schema, payload, payload_at })
        }
        _ => Err(fault(reader.at(), DecodeProblem::Missing)),
    }
}
