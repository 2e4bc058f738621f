//! What all connections share.

use std::net::SocketAddr;
use std::sync::Arc;

use thalweg_log::{Log, SegmentLog, TopicId, TopicInfo, TopicSpec};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::error_code::{ErrorCode, Refusal};

/// The id of the one broker.
pub(crate) const NODE_ID: i32 = 0;
/// Leaders never change, so the epoch of every partition's leader is this.
pub(crate) const LEADER_EPOCH: i32 = 0;

/// Bytes of large requests that may be under way on all connections together.
const REQUEST_BYTES_MAX: usize = 256 << 20;
/// Bytes of fetched batches that may be under way on all connections together.
const FETCHED_BYTES_MAX: usize = 256 << 20;

/// What a [`Broker`](crate::Broker) is started with.
#[derive(Clone)]
pub struct BrokerOptions {
    /// The log.
    pub log: Arc<SegmentLog>,
    /// The id of the log, as clients see it.
    pub cluster_id: String,
    /// Host and port that clients are told to connect to; without one, the
    /// address that they connected to.
    pub advertised: Option<(String, u16)>,
    /// Whether a topic is this server's own: clients read it, and neither write
    /// nor change it.
    pub is_internal: fn(&str) -> bool,
    /// Whether a topic that a client asks for is made.
    pub auto_create_topics: bool,
    /// Partitions of a topic that does not say how many.
    pub partitions_default: u32,
}

impl std::fmt::Debug for BrokerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerOptions").finish_non_exhaustive()
    }
}

/// What all connections share.
pub(crate) struct Server {
    pub(crate) options: BrokerOptions,
    /// Told when the listener closes.
    pub(crate) closing: CancellationToken,
    pub(crate) requests: Budget,
    pub(crate) fetched: Budget,
    /// Held from the reading of a topic's settings until new ones replace them:
    /// no change is lost in between.
    pub(crate) altering: Mutex<()>,
}

impl Server {
    pub(crate) fn new(options: BrokerOptions) -> Self {
        Self {
            options,
            closing: CancellationToken::new(),
            requests: Budget::new(REQUEST_BYTES_MAX),
            fetched: Budget::new(FETCHED_BYTES_MAX),
            altering: Mutex::new(()),
        }
    }

    pub(crate) fn log(&self) -> &SegmentLog {
        &self.options.log
    }

    /// Where a client that connected to `local` is told to connect to.
    pub(crate) fn advertised(&self, local: SocketAddr) -> (String, u16) {
        let advertised = self.options.advertised.clone();
        advertised.unwrap_or_else(|| (local.ip().to_string(), local.port()))
    }

    /// Whether a topic is this server's own.
    pub(crate) fn is_internal(&self, topic: &str) -> bool {
        (self.options.is_internal)(topic)
    }

    /// Refuses to change a topic that is this server's own.
    pub(crate) fn check_changeable(&self, topic: &str) -> Result<(), Refusal> {
        if self.is_internal(topic) {
            return Err(Refusal::new(
                ErrorCode::PolicyViolation,
                format!("topic {topic} is this server's own: clients can only read it"),
            ));
        }
        Ok(())
    }

    /// The topic of this name.
    pub(crate) fn topic(&self, name: &str) -> Result<TopicInfo, Refusal> {
        self.log().topic(name).ok_or_else(|| Refusal::unknown(name))
    }

    /// The topic of this id.
    pub(crate) fn topic_by_id(&self, id: TopicId) -> Result<TopicInfo, Refusal> {
        self.log().topic_by_id(id).ok_or_else(|| {
            Refusal::new(ErrorCode::UnknownTopicId, format!("there is no topic with id {id}"))
        })
    }

    /// The topic of this name, made if there is none.
    pub(crate) async fn topic_or_new(&self, name: &str) -> Result<TopicInfo, Refusal> {
        if let Some(topic) = self.log().topic(name) {
            return Ok(topic);
        }
        self.check_changeable(name)?;
        let spec = TopicSpec {
            name: name.to_owned(),
            partitions: self.options.partitions_default,
            config: Vec::new(),
        };
        match self.log().create_topic(spec).await {
            Ok(topic) => {
                tracing::info!(topic = %topic.name, "made a topic that a Kafka client asked for");
                Ok(topic)
            }
            // Another client was faster.
            Err(thalweg_log::LogError::TopicExists(_)) => self.topic(name),
            Err(error) => Err(error.into()),
        }
    }
}

/// Bytes that may be in memory at once (invariant 7).
pub(crate) struct Budget {
    permits: Arc<Semaphore>,
    bytes_max: usize,
}

impl Budget {
    fn new(bytes_max: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(bytes_max)), bytes_max }
    }

    fn clamp(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.bytes_max)).unwrap_or(u32::MAX)
    }

    /// Waits until there is room for so many bytes.
    pub(crate) async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_many_owned(self.clamp(bytes)).await.ok()
    }

    /// Room for so many bytes, if there is.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_many_owned(self.clamp(bytes)).ok()
    }
}
