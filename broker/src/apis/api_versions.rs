//! ApiVersions, versions 0 to 4. An unknown version is answered in version 0,
//! with the list.

use std::future::ready;

use kafka_protocol::messages::ApiVersionsRequest;
use kafka_protocol::messages::api_versions_response::{ApiVersion, ApiVersionsResponse};

use super::{APIS, Api, Run};
use crate::call::Call;
use crate::error_code::ErrorCode;
use crate::wire::layout::{Field, since};
use crate::wire::{Malformed, Response, ResponseBuilder};

pub(crate) const KEY: i16 = 18;

pub(super) static API: Api = Api {
    key: KEY,
    name: "ApiVersions",
    first: 0,
    last: 4,
    told: 0,
    flexible: 3,
    // Name and version of the client.
    layout: &[since(3, Field::Text), since(3, Field::Text)],
    run: Run::Alone(|_, call| Box::pin(ready(list(call)))),
};

fn list(call: &Call) -> Result<Response, Malformed> {
    let is_known = (API.first..=API.last).contains(&call.version);
    if is_known {
        call.decode::<ApiVersionsRequest>()?;
    }
    let (version, code) =
        if is_known { (call.version, ErrorCode::None) } else { (0, ErrorCode::UnsupportedVersion) };
    let keys = APIS.iter().map(|api| {
        ApiVersion::default()
            .with_api_key(api.key)
            .with_min_version(api.told)
            .with_max_version(api.last)
    });
    let response =
        ApiVersionsResponse::default().with_error_code(code.code()).with_api_keys(keys.collect());
    // The header never has tagged fields: the client can't know our style yet.
    let mut builder = ResponseBuilder::new(call.correlation, API.is_flexible(version), false);
    builder.message(&response, version)?;
    Ok(builder.finish())
}
