//! IncrementalAlterConfigs, versions 0 and 1: single settings of a topic.

use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use super::configs::{self, Change};
use super::{Api, Run};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::Server;
use crate::wire::layout::{Field, always};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 44,
    name: "IncrementalAlterConfigs",
    first: 0,
    last: 1,
    told: 0,
    flexible: 1,
    layout: &[
        // Type and name of a resource.
        always(Field::Structs(&[
            always(Field::Fixed(1)),
            always(Field::Text),
            // Name of a setting, what to do, value.
            always(Field::Structs(&[
                always(Field::Text),
                always(Field::Fixed(1)),
                always(Field::Text),
            ])),
        ])),
        // Whether only to check.
        always(Field::Fixed(1)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

/// What is done to a setting.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: IncrementalAlterConfigsRequest = call.decode()?;
    let told = |code, message, kind, name| {
        AlterConfigsResourceResponse::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(kind)
            .with_resource_name(name)
    };
    let responses = configs::alter(server, &request.resources, request.validate_only, told).await;
    call.encode(&IncrementalAlterConfigsResponse::default().with_responses(responses))
}

impl Change for AlterConfigsResource {
    fn resource(&self) -> (i8, &StrBytes) {
        (self.resource_type, &self.resource_name)
    }

    fn apply(&self, settings: Vec<(String, String)>) -> Result<Vec<(String, String)>, Refusal> {
        let mut settings = settings;
        self.configs.iter().try_for_each(|change| apply(&mut settings, change))?;
        Ok(settings)
    }
}

fn apply(settings: &mut Vec<(String, String)>, change: &AlterableConfig) -> Result<(), Refusal> {
    let name = &*change.name;
    let given = || configs::required(name, change.value.as_ref());
    let value = match change.config_operation {
        SET => Some(given()?),
        DELETE => None,
        APPEND | SUBTRACT if name == "cleanup.policy" => {
            let own = settings.iter().find(|(own, _)| own == name);
            let now = own.map_or("delete", |(_, value)| value.as_str());
            let given = given()?;
            let given: Vec<&str> = given.split(',').map(str::trim).collect();
            let mut policies: Vec<&str> = now.split(',').map(str::trim).collect();
            policies.retain(|policy| !given.contains(policy));
            if change.config_operation == APPEND {
                policies.extend(given);
            }
            Some(policies.join(","))
        }
        APPEND | SUBTRACT => {
            return Err(Refusal::new(
                ErrorCode::InvalidConfig,
                format!("{name} is not a list: set it, or delete it"),
            ));
        }
        operation => {
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!("operation {operation} on {name} does not exist"),
            ));
        }
    };
    let place = settings.iter().position(|(own, _)| own == name);
    match (place, value) {
        (Some(at), Some(value)) => settings[at].1 = value,
        (Some(at), None) => drop(settings.remove(at)),
        (None, Some(value)) => settings.push((name.to_owned(), value)),
        (None, None) => {}
    }
    Ok(())
}
