//! DeleteTopics, versions 1 to 6: by name or, from version 6 on, by id.

use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, TopicName};
use thalweg_log::{Log, TopicInfo};

use super::{Api, Run, text};
use crate::call::Call;
use crate::error_code::Refusal;
use crate::server::Server;
use crate::wire::layout::{Field, always, between, since};
use crate::wire::{Malformed, Response};

const FIRST_WITH_IDS: i16 = 6;

pub(super) static API: Api = Api {
    key: 20,
    name: "DeleteTopics",
    first: 1,
    last: 6,
    told: 1,
    flexible: 4,
    layout: &[
        // Topics by name and id, or names only; timeout.
        since(FIRST_WITH_IDS, Field::Structs(&[always(Field::Text), always(Field::Fixed(16))])),
        between(0, FIRST_WITH_IDS - 1, Field::Array(&Field::Text)),
        always(Field::Fixed(4)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: DeleteTopicsRequest = call.decode()?;
    let named = request.topic_names.into_iter();
    let named = named.map(|name| DeleteTopicState::default().with_name(Some(name)));
    let mut responses = Vec::new();
    for topic in request.topics.into_iter().chain(named) {
        let found = match &topic.name {
            Some(name) => server.topic(name),
            None => server.topic_by_id(topic.topic_id),
        };
        let mut result =
            DeletableTopicResult::default().with_name(topic.name).with_topic_id(topic.topic_id);
        let outcome = match found {
            Ok(found) => {
                result.name = Some(TopicName(text(&*found.name)));
                result.topic_id = found.id;
                delete(server, &found).await
            }
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = outcome {
            result.error_code = refusal.code.code();
            result.error_message = Some(text(refusal.message));
        }
        responses.push(result);
    }
    call.encode(&DeleteTopicsResponse::default().with_responses(responses))
}

async fn delete(server: &Server, topic: &TopicInfo) -> Result<(), Refusal> {
    server.check_changeable(&topic.name)?;
    server.log().delete_topic(topic.id).await?;
    tracing::info!(topic = %topic.name, "a Kafka client deleted a topic");
    Ok(())
}
