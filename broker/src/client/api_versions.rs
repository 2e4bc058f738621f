//! ApiVersions, version 0, which every server knows.

use kafka_protocol::messages::ApiVersionsRequest;

use super::connection::Connection;
use super::{Api, CONTROL_LEN_MAX, ClientError, Refused};
use crate::wire::{Malformed, Reader};

static API: Api = Api {
    key: 18,
    name: "ApiVersions",
    version: 0,
    is_flexible: false,
    answer_len_max: CONTROL_LEN_MAX,
};

/// Number, first and last version of an API that the server speaks.
type Served = (i16, i16, i16);

/// What the server speaks.
pub(super) fn ask(connection: &mut Connection) -> Result<Vec<Served>, ClientError> {
    let answer = connection.call(&API, &ApiVersionsRequest::default())?;
    let read = read(&mut Reader::of_answer(&answer, API.is_flexible));
    let (code, served) = read.map_err(|error| connection.malformed(&API, error))?;
    Refused::check(code, None)?;
    Ok(served)
}

fn read(reader: &mut Reader<'_>) -> Result<(i16, Vec<Served>), Malformed> {
    let code = reader.i16()?;
    let count = reader.count(6)?;
    let mut served = Vec::with_capacity(count);
    for _ in 0..count {
        served.push((reader.i16()?, reader.i16()?, reader.i16()?));
    }
    Ok((code, served))
}
