//! InitProducerId, versions 0 to 5: ids of idempotent producers. There are no
//! transactions yet.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::{Api, Run};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::Server;
use crate::wire::layout::{Field, always, since};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 22,
    name: "InitProducerId",
    first: 0,
    last: 5,
    told: 0,
    flexible: 2,
    layout: &[
        // Transactional id, timeout; the id and the epoch that it has.
        always(Field::Text),
        always(Field::Fixed(4)),
        since(3, Field::Fixed(8)),
        since(3, Field::Fixed(2)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: InitProducerIdRequest = call.decode()?;
    let response = InitProducerIdResponse::default();
    let response = match next_id(server, &request).await {
        Ok((id, epoch)) => response.with_producer_id(ProducerId(id)).with_producer_epoch(epoch),
        Err(refusal) => response
            .with_error_code(refusal.code.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    };
    call.encode(&response)
}

/// A new id, which has its first epoch. A producer that has one already, and
/// asks again after an error, gets a new one too: so its old batches, which may
/// still come, are told from its new ones.
async fn next_id(server: &Server, request: &InitProducerIdRequest) -> Result<(i64, i16), Refusal> {
    if request.transactional_id.is_some() {
        return Err(Refusal::new(
            ErrorCode::UnsupportedVersion,
            "transactions are not supported yet: produce without transactional.id",
        ));
    }
    Ok((server.log().new_producer_id().await?, 0))
}
