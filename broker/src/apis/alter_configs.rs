//! AlterConfigs, versions 0 to 2: all settings of a topic are replaced.

use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::configs::{self, Resource};
use super::{Api, Run, text};
use crate::call::Call;
use crate::error_code::Refusal;
use crate::server::Server;
use crate::wire::layout::{Field, always};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 33,
    name: "AlterConfigs",
    first: 0,
    last: 2,
    told: 0,
    flexible: 2,
    layout: &[
        // Type and name of a resource, settings.
        always(Field::Structs(&[
            always(Field::Fixed(1)),
            always(Field::Text),
            always(Field::Structs(&[always(Field::Text), always(Field::Text)])),
        ])),
        // Whether only to check.
        always(Field::Fixed(1)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: AlterConfigsRequest = call.decode()?;
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let outcome = alter(server, &resource, request.validate_only).await;
        let mut response = AlterConfigsResourceResponse::default()
            .with_error_message(None)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name);
        if let Err(refusal) = outcome {
            response.error_code = refusal.code.code();
            response.error_message = Some(text(refusal.message));
        }
        responses.push(response);
    }
    call.encode(&AlterConfigsResponse::default().with_responses(responses))
}

async fn alter(
    server: &Server,
    asked: &AlterConfigsResource,
    only_checks: bool,
) -> Result<(), Refusal> {
    let _altering = server.altering.lock().await;
    let resource = Resource::find(server, asked.resource_type, &asked.resource_name)?;
    let mut settings = Vec::with_capacity(asked.configs.len());
    for config in &asked.configs {
        let value = configs::required(&config.name, config.value.as_ref())?;
        settings.push((config.name.to_string(), value));
    }
    configs::replace(server, resource, settings, only_checks).await
}
