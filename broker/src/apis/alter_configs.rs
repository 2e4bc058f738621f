//! AlterConfigs, versions 0 to 2: all settings of a topic are replaced.

use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use super::configs::{self, Change};
use super::{Api, Run};
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
    let told = |code, message, kind, name| {
        AlterConfigsResourceResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(kind)
            .with_resource_name(name)
    };
    let responses = configs::alter(server, &request.resources, request.validate_only, told).await;
    call.encode(&AlterConfigsResponse::default().with_responses(responses))
}

impl Change for AlterConfigsResource {
    fn resource(&self) -> (i8, &StrBytes) {
        (self.resource_type, &self.resource_name)
    }

    fn apply(&self, _: Vec<(String, String)>) -> Result<Vec<(String, String)>, Refusal> {
        let given = self.configs.iter().map(|config| {
            let value = configs::required(&config.name, config.value.as_ref())?;
            Ok((config.name.to_string(), value))
        });
        given.collect()
    }
}
