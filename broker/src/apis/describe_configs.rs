//! DescribeConfigs, versions 1 to 4: settings of topics and of the broker.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::configs::{Described, Resource, kind_of};
use super::{Api, Room, Run, text};
use crate::call::Call;
use crate::error_code::Refusal;
use crate::server::Server;
use crate::wire::layout::{Field, always, since};
use crate::wire::{Malformed, Response};

const FIRST_WITH_KINDS: i16 = 3;
/// Settings in one answer: those of some thousand topics, and about 40 MB.
const SETTINGS_MAX: usize = 100_000;

pub(super) static API: Api = Api {
    key: 32,
    name: "DescribeConfigs",
    first: 1,
    last: 4,
    told: 1,
    flexible: 4,
    layout: &[
        // Type and name of a resource, names of settings.
        always(Field::Structs(&[
            always(Field::Fixed(1)),
            always(Field::Text),
            always(Field::Array(&Field::Text)),
        ])),
        // Whether to tell synonyms, and documentation.
        always(Field::Fixed(1)),
        since(FIRST_WITH_KINDS, Field::Fixed(1)),
    ],
    run: Run::Alone(|server, call| Box::pin(std::future::ready(answer(server, call)))),
};

fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: DescribeConfigsRequest = call.decode()?;
    let mut room = Room::new(SETTINGS_MAX, "settings");
    let results = distinct(request.resources).into_iter().map(|resource| {
        let described = describe(server, &resource, &mut room);
        let result = DescribeConfigsResult::default()
            .with_error_message(None)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name);
        match described {
            Ok(settings) => {
                let tell = |setting| tell(setting, request.include_synonyms, call.version);
                result.with_configs(settings.into_iter().map(tell).collect())
            }
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.message))),
        }
    });
    call.encode(&DescribeConfigsResponse::default().with_results(results.collect()))
}

/// Each resource once, with all settings that are asked of it.
fn distinct(resources: Vec<DescribeConfigsResource>) -> Vec<DescribeConfigsResource> {
    let mut places = HashMap::with_capacity(resources.len());
    let mut distinct: Vec<DescribeConfigsResource> = Vec::with_capacity(resources.len());
    for resource in resources {
        match places.entry((resource.resource_type, resource.resource_name.clone())) {
            Entry::Vacant(place) => {
                place.insert(distinct.len());
                distinct.push(resource);
            }
            Entry::Occupied(place) => {
                let asked = &mut distinct[*place.get()].configuration_keys;
                *asked = match (asked.take(), resource.configuration_keys) {
                    (Some(mut asked), Some(more)) if !asked.is_empty() && !more.is_empty() => {
                        asked.extend(more);
                        Some(asked)
                    }
                    // One of them asks for all.
                    _ => None,
                };
            }
        }
    }
    distinct
}

fn describe(
    server: &Server,
    asked: &DescribeConfigsResource,
    room: &mut Room,
) -> Result<Vec<Described>, Refusal> {
    let resource = Resource::find(server, asked.resource_type, &asked.resource_name)?;
    let mut settings = resource.describe(server)?;
    // An empty list stands for all, too.
    if let Some(names) = asked.configuration_keys.as_ref().filter(|names| !names.is_empty()) {
        settings.retain(|setting| names.iter().any(|name| **name == setting.name));
    }
    room.take(settings.len())?;
    Ok(settings)
}

fn tell(setting: Described, with_synonyms: bool, version: i16) -> DescribeConfigsResourceResult {
    let Described { name, value, source, is_read_only } = setting;
    let kind = kind_of(&name);
    let synonym = with_synonyms.then(|| {
        DescribeConfigsSynonym::default()
            .with_name(text(name.as_str()))
            .with_value(Some(text(value.as_str())))
            .with_source(source)
    });
    let mut told = DescribeConfigsResourceResult::default()
        .with_name(text(name))
        .with_value(Some(text(value)))
        .with_read_only(is_read_only)
        .with_config_source(source)
        .with_documentation(None)
        .with_synonyms(synonym.into_iter().collect());
    if version >= FIRST_WITH_KINDS {
        told.config_type = kind;
    }
    told
}

#[cfg(test)]
mod tests {
    use super::{DescribeConfigsResource, Room, describe, text};
    use crate::testing::Fixture;

    #[tokio::test]
    async fn what_does_not_fit_into_an_answer_is_refused_by_resource() {
        let fixture = Fixture::new().await;
        let asked = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configuration_keys(None);
        let mut room = Room::new(usize::MAX, "settings");
        let count = describe(&fixture.server, &asked, &mut room).unwrap().len();
        let mut room = Room::new(2 * count - 1, "settings");
        assert!(describe(&fixture.server, &asked, &mut room).is_ok());
        let refusal = describe(&fixture.server, &asked, &mut room).err().unwrap();
        assert_eq!(refusal.code.code(), 42);
        assert!(refusal.message.contains(&format!("at most {} settings", 2 * count - 1)));
    }
}
