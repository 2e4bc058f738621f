//! A client of the Kafka protocol, as small as a command line needs it: one
//! connection, one request at a time, no async runtime. There is one file for
//! each request, each in the one version that it is spoken in.
//!
//! ```no_run
//! use thalweg_broker::client::Client;
//! # fn main() -> Result<(), thalweg_broker::client::ClientError> {
//! let mut client = Client::connect("127.0.0.1:9092")?;
//! for topic in client.topics()? {
//!     println!("{}: {} partitions", topic.name, topic.partitions);
//! }
//! # Ok(())
//! # }
//! ```

mod api_versions;
mod connection;
mod create_topic;
mod delete_topic;
mod error;
mod fetch;
mod list_offsets;
mod metadata;
mod produce;
mod topic_settings;

#[cfg(test)]
mod tests;

pub use create_topic::NewTopic;
pub use error::{ClientError, Refused};
pub use fetch::{FetchFrom, Fetched, FetchedPartition};
pub use list_offsets::OffsetOf;
pub use metadata::Topic;
pub use topic_settings::Setting;

use bytes::Bytes;
use kafka_protocol::protocol::{Encodable, StrBytes};

use crate::wire::{Malformed, Reader};
use connection::Connection;

/// An API, and the version of it that is spoken here.
struct Api {
    key: i16,
    name: &'static str,
    version: i16,
    /// Whether this version has lengths as varints, and tagged fields.
    is_flexible: bool,
    /// Longest answer that is taken (invariant 7).
    answer_len_max: usize,
}

/// Longest answer that brings no records.
const CONTROL_LEN_MAX: usize = 64 << 20;

/// A client that is connected to a server.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    /// Number, first and last version of what the server speaks.
    served: Vec<(i16, i16, i16)>,
}

impl Client {
    /// Connects to `HOST:PORT` and asks which APIs are spoken there.
    pub fn connect(address: &str) -> Result<Self, ClientError> {
        let mut connection = Connection::open(address)?;
        let served = api_versions::ask(&mut connection)?;
        Ok(Self { connection, served })
    }

    /// Sends a request, waits for its answer, and reads that.
    fn call<T>(
        &mut self,
        api: &Api,
        request: &impl Encodable,
        read: impl FnOnce(&Bytes, &mut Reader<'_>) -> Result<T, Malformed>,
    ) -> Result<T, ClientError> {
        let range = self.served.iter().find(|(key, ..)| *key == api.key);
        match range {
            Some((_, first, last)) if (*first..=*last).contains(&api.version) => {}
            range => {
                return Err(ClientError::NotServed {
                    address: self.connection.address().to_owned(),
                    api: api.name,
                    version: api.version,
                    served: range.map(|(_, first, last)| (*first, *last)),
                });
            }
        }
        let answer = self.connection.call(api, request)?;
        let mut reader = Reader::of_answer(&answer, api.is_flexible);
        let read = reader.tags().and_then(|()| read(&answer, &mut reader));
        read.map_err(|error| self.connection.malformed(api, error))
    }
}

/// A text of a request.
fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A number of a partition on the wire.
fn index(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}
