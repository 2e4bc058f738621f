//! What answers of S3 mean: try again, change the config, or stop.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use thalweg_core::ConnectError;

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

/// Whether a conditional write found the name taken.
pub(super) fn is_conflict<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == 412
}

/// Whether nothing has that name.
pub(super) fn is_missing<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == 404
}

/// What failed, and what to do about it.
pub(super) fn explain<E: ProvideErrorMetadata>(
    doing: &str,
    place: &str,
    error: &SdkError<E, HttpResponse>,
) -> ConnectError {
    let status = status(error);
    let code = error.code().unwrap_or_default();
    let said = match (code, error.message().unwrap_or_default()) {
        ("", "") if status == 0 => unreached(error),
        ("", "") => format!("HTTP {status}"),
        (code, message) => format!("HTTP {status} {code} {message}").trim_end().to_owned(),
    };
    let message = format!("{doing} {place}: {said}");
    match (status, code) {
        (0, _) => ConnectError::retriable(format!(
            "{message} (is the server of store.url up and reachable?)"
        )),
        (_, "NoSuchBucket") => ConnectError::bad_config(format!(
            "{message} (make the bucket, or correct s3.bucket.name)"
        )),
        (_, "NoSuchUpload") => ConnectError::retriable(message),
        (301 | 307, _) | (400, "AuthorizationHeaderMalformed") => ConnectError::bad_config(
            format!("{message} (the bucket is elsewhere: set s3.region or store.url)"),
        ),
        (401 | 403, "RequestTimeTooSkewed") => {
            ConnectError::retriable(format!("{message} (correct this machine's clock)"))
        }
        (401 | 403, _) => ConnectError::bad_config(format!(
            "{message} (check aws.access.key.id, aws.secret.access.key and what they allow: \
             s3:PutObject, s3:GetObject and s3:AbortMultipartUpload are needed)"
        )),
        (404, _) => ConnectError::bad_config(format!(
            "{message} (check s3.bucket.name, store.url and aws.access.key.id)"
        )),
        (501, _) => ConnectError::bad_config(format!(
            "{message} (if the server knows no conditional writes, set \
             enable.conditional.writes=false)"
        )),
        (408 | 409 | 429 | 500.., _) => ConnectError::retriable(message),
        _ => ConnectError::fatal(message),
    }
}

/// The innermost reason why no answer came.
fn unreached<E>(error: &SdkError<E, HttpResponse>) -> String {
    let (what, source): (_, Option<&(dyn std::error::Error + 'static)>) = match error {
        SdkError::TimeoutError(_) => return "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) => {
            ("no connection", failure.as_connector_error().and_then(std::error::Error::source))
        }
        _ => ("no valid answer", None),
    };
    let mut innermost = source;
    while let Some(next) = innermost.and_then(std::error::Error::source) {
        innermost = Some(next);
    }
    innermost.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"))
}
