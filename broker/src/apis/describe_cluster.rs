//! DescribeCluster, versions 0 to 2: the one broker.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::{Api, Run, operations, text};
use crate::call::Call;
use crate::error_code::ErrorCode;
use crate::server::{NODE_ID, Server};
use crate::wire::layout::{Field, always, since};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 60,
    name: "DescribeCluster",
    first: 0,
    last: 2,
    told: 0,
    flexible: 0,
    layout: &[
        // Whether to tell what the client may do, the type of endpoints, whether
        // to tell of fenced brokers.
        always(Field::Fixed(1)),
        since(1, Field::Fixed(1)),
        since(2, Field::Fixed(1)),
    ],
    run: Run::Alone(|server, call| Box::pin(std::future::ready(answer(server, call)))),
};

/// The type of endpoints that brokers are.
const BROKERS: i8 = 1;

fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: DescribeClusterRequest = call.decode()?;
    if request.endpoint_type != BROKERS {
        let refused = DescribeClusterResponse::default()
            .with_error_code(ErrorCode::UnsupportedEndpointType.code())
            .with_error_message(Some(text(
                "there are no controllers to be told of: ask for brokers",
            )))
            .with_controller_id(BrokerId(-1))
            .with_endpoint_type(request.endpoint_type);
        return call.encode(&refused);
    }
    let (host, port) = server.advertised(call.local);
    let broker = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(NODE_ID))
        .with_host(text(host))
        .with_port(i32::from(port));
    let mut response = DescribeClusterResponse::default()
        .with_cluster_id(text(server.options.cluster_id.as_str()))
        .with_controller_id(BrokerId(NODE_ID))
        .with_brokers(vec![broker]);
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = operations::OF_CLUSTER;
    }
    call.encode(&response)
}
