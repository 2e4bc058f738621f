//! A server on a log of its own, asked without a socket.

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;
use thalweg_log::{Log, Options, SegmentLog, TopicInfo, TopicSpec};
use tokio_util::sync::CancellationToken;

use crate::apis::{Run, produce};
use crate::call::Call;
use crate::server::{BrokerOptions, Server};

/// A batch of one record, `k` = `v`, as another implementation writes it.
pub(crate) const BATCH: &[u8] = b"\
    \0\0\0\0\0\0\0\0\0\0\0\x3a\
    \0\0\0\0\x02\xe9\x9b\x8d\xd8\
    \0\0\0\0\0\0\0\0\x01\x8b\xcf\xe5\x68\0\
    \0\0\x01\x8b\xcf\xe5\x68\0\
    \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \0\0\0\x01\x10\0\0\0\x02\x6b\x02\x76\0";

pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) options: BrokerOptions,
    pub(crate) folder: TempDir,
}

impl Fixture {
    /// With a topic `t` of two partitions and an internal topic `own`.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = SegmentLog::open(folder.path(), Options::default()).unwrap();
        let options = BrokerOptions {
            log: Arc::new(log),
            cluster_id: "cluster".to_owned(),
            advertised: None,
            is_internal: |topic| topic == "own",
            auto_create_topics: true,
            partitions_default: 1,
        };
        let server = Server::new(options.clone());
        let fixture = Self { server, options, folder };
        fixture.make("t", 2).await;
        fixture.make("own", 1).await;
        fixture
    }

    /// Opens its log again, after it was closed.
    pub(crate) fn reopen(&mut self) {
        let log = SegmentLog::open(self.folder.path(), Options::default()).unwrap();
        self.options.log = Arc::new(log);
        self.server = Server::new(self.options.clone());
    }

    pub(crate) async fn make(&self, name: &str, partitions: u32) -> TopicInfo {
        let spec = TopicSpec { name: name.to_owned(), partitions, config: Vec::new() };
        self.server.log().create_topic(spec).await.unwrap()
    }

    /// Asks, and returns the answer without its length.
    pub(crate) async fn ask(&self, frame: &[u8]) -> Vec<u8> {
        let local = "127.0.0.1:9092".parse().unwrap();
        let frame = Bytes::copy_from_slice(frame);
        let mut call = Call::read(&frame, local, CancellationToken::new()).unwrap();
        let response = match call.api.run {
            Run::Alone(handler) | Run::Waits(handler) => handler(&self.server, &mut call).await,
            Run::Staged => {
                let staged = produce::stage(&self.server, &mut call).await.unwrap();
                Ok(staged.answer(&call).await.unwrap())
            }
        };
        let bytes = response.unwrap().parts.concat();
        let len = u32::try_from(bytes.len() - 4).unwrap();
        assert_eq!(bytes[..4], len.to_be_bytes());
        bytes[4..].to_vec()
    }

    /// Appends [`BATCH`] to partition 0 of `t`.
    pub(crate) async fn produce(&self) -> i64 {
        self.produce_to(0).await
    }

    /// Appends [`BATCH`] to this partition of `t`.
    pub(crate) async fn produce_to(&self, partition: u32) -> i64 {
        let target = self.server.log().topic("t").unwrap().partition(partition);
        let batches = Bytes::from_static(BATCH);
        let pending = self.server.log().produce(thalweg_log::Group { target, batches }).await;
        pending.unwrap().await.unwrap().first
    }
}
