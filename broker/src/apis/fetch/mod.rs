//! Fetch, versions 4 to 17: whole batches as they are stored. It waits until
//! there are enough bytes, without sessions.

mod gather;
mod request;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::{Api, Run};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::Server;
use crate::wire::{Malformed, Response, ResponseBuilder};
use gather::{Gathering, Partition};
use request::Request;

const FIRST_WITH_LOG_START: i16 = 5;
const FIRST_WITH_SESSIONS: i16 = 7;
const FIRST_WITH_RACKS: i16 = 11;
const FIRST_WITH_IDS: i16 = 13;

pub(super) static API: Api = Api {
    key: 1,
    name: "Fetch",
    first: 4,
    last: 17,
    told: 4,
    flexible: 12,
    layout: &[],
    run: Run::Waits(|server, call| Box::pin(answer(server, call))),
};

/// What is not known of a partition that was refused.
const NOTHING: i64 = -1;

async fn answer(server: &Server, call: &mut Call) -> Result<Response, Malformed> {
    let request = Request::read(&call.body, call.version, call.is_flexible())?;
    // It may wait for long: others need the room of its frame meanwhile.
    call.body = Bytes::new();
    call.permit = None;
    if request.session_id != 0 && request.session_epoch > 0 {
        // We have never given it one.
        let mut builder = begin(call, ErrorCode::FetchSessionIdNotFound);
        builder.count(0);
        builder.tags();
        return Ok(builder.finish());
    }
    let mut found = Gathering::new(server, &request);
    found.until_enough(&call.leaving).await;
    let mut builder = begin(call, ErrorCode::None);
    builder.count(request.topics.len());
    let mut partitions = found.partitions.iter();
    for topic in &request.topics {
        if call.version >= FIRST_WITH_IDS {
            builder.uuid(topic.id);
        } else {
            builder.text(&topic.name);
        }
        builder.count(topic.wanted.len());
        for (wanted, partition) in topic.wanted.iter().zip(partitions.by_ref()) {
            builder.i32(wanted.index);
            put_partition(&mut builder, call.version, partition, request.is_committed_only);
        }
        builder.tags();
    }
    builder.tags();
    let mut response = builder.finish();
    response.permit = found.permit;
    Ok(response)
}

fn begin(call: &Call, code: ErrorCode) -> ResponseBuilder {
    let mut builder = call.begin();
    builder.i32(0);
    if call.version >= FIRST_WITH_SESSIONS {
        builder.i16(code.code());
        // No session: the next request names all partitions again.
        builder.i32(0);
    }
    builder
}

fn put_partition(
    builder: &mut ResponseBuilder,
    version: i16,
    partition: &Result<Partition, Refusal>,
    is_committed_only: bool,
) {
    let (code, start, end, pieces) = match partition {
        Ok(found) => (ErrorCode::None, found.start, found.end, &found.pieces[..]),
        Err(refusal) => (refusal.code, NOTHING, NOTHING, &[][..]),
    };
    builder.i16(code.code());
    builder.i64(end);
    // Nothing is pending: the last stable offset is the end.
    builder.i64(end);
    if version >= FIRST_WITH_LOG_START {
        builder.i64(start);
    }
    // No transaction was aborted.
    if is_committed_only {
        builder.count(0);
    } else {
        builder.null();
    }
    if version >= FIRST_WITH_RACKS {
        builder.i32(-1);
    }
    builder.records(pieces);
    builder.tags();
}
