//! A bucket of S3, or of a server that speaks S3.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    CompletedMultipartUpload, CompletedPart, ObjectCannedAcl, ServerSideEncryption,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;
use thalweg_core::config::Secret;
use thalweg_core::{BoxFuture, ConnectError, choices};
use tokio::io::AsyncReadExt;

use super::bucket_errors::{explain, is_conflict, is_missing};
use super::{Found, Put, Store, WrittenFor};
use crate::lake::{Body, SpoolFolder, Spooled};
use crate::s3::plan::FilePlan;

choices! {
    /// When requests carry a checksum of their body.
    pub(crate) enum Checksums {
        /// Where S3 demands one: what servers other than AWS understand.
        WhenRequired = "when_required",
        /// Wherever there may be one.
        WhenSupported = "when_supported",
    }
}

const TOPIC_ID: &str = "thalweg-topic-id";
const FIRST: &str = "thalweg-first";
const LAST: &str = "thalweg-last";
const CRC: &str = "thalweg-crc32c";

/// How a bucket is reached and written.
#[derive(Clone, Debug)]
pub(crate) struct BucketConfig {
    /// Its name.
    pub(crate) bucket: String,
    /// Its region.
    pub(crate) region: String,
    /// The server's URL; none is AWS.
    pub(crate) endpoint: Option<String>,
    /// `http://server/bucket/key`, not `http://bucket.server/key`.
    pub(crate) path_style: bool,
    /// The access key's id and secret; none signs nothing.
    pub(crate) access_key: Option<(String, Secret)>,
    /// Files above this go up in parts of this size, in bytes.
    pub(crate) part_bytes: usize,
    /// Whether the server knows `If-None-Match`.
    pub(crate) conditional: bool,
    /// When requests carry a checksum.
    pub(crate) checksums: Checksums,
    /// Tries after the first that failed.
    pub(crate) retries: u32,
    /// Pause before the first of them.
    pub(crate) backoff: Duration,
    /// Canned access list.
    pub(crate) acl: Option<String>,
    /// Server-side encryption.
    pub(crate) encryption: Option<String>,
    /// Key of that encryption.
    pub(crate) kms_key: Option<String>,
}

/// A bucket.
pub(crate) struct Bucket {
    config: BucketConfig,
    client: Client,
    spool: Arc<SpoolFolder>,
}

/// A request that makes an object, with all that objects are to have. The types
/// of such requests share no trait.
macro_rules! new_object {
    ($bucket:expr, $plan:expr, $request:expr) => {{
        let config = &$bucket.config;
        $request
            .bucket(&config.bucket)
            .key(&$plan.key)
            .set_metadata(Some(metadata($plan)))
            .set_acl(config.acl.as_deref().map(ObjectCannedAcl::from))
            .set_server_side_encryption(
                config.encryption.as_deref().map(ServerSideEncryption::from),
            )
            .set_ssekms_key_id(config.kms_key.clone())
    }};
}

impl Bucket {
    /// Opens it for one task. Files lie in the system's temporary folder until
    /// they are complete.
    pub(crate) fn open(config: BucketConfig) -> Self {
        let folder = format!("run-{}", uuid::Uuid::new_v4().simple());
        let spool = SpoolFolder::open(&std::env::temp_dir().join("thalweg-spool").join(folder));
        let client = Client::from_conf(client_config(&config));
        Self { config, client, spool }
    }

    async fn put_whole(&self, plan: &FilePlan, file: &Spooled) -> Result<Put, ConnectError> {
        let bytes = match &file.body {
            Body::Memory(bytes) => bytes.clone(),
            Body::Disk(on_disk) => {
                tokio::fs::read(on_disk.path()).await.map(Bytes::from).map_err(unreadable)?
            }
        };
        let mut request = new_object!(self, plan, self.client.put_object());
        request = request.body(ByteStream::from(bytes));
        if self.config.conditional {
            request = request.if_none_match("*");
        }
        match request.send().await {
            Ok(_) => Ok(Put::Done),
            Err(error) if is_conflict(&error) => Ok(Put::Taken),
            Err(error) => Err(explain("writing", &self.place(&plan.key), &error)),
        }
    }

    async fn put_in_parts(&self, plan: &FilePlan, file: &Spooled) -> Result<Put, ConnectError> {
        self.abort_leftovers(&plan.key).await;
        let place = self.place(&plan.key);
        let created = new_object!(self, plan, self.client.create_multipart_upload())
            .send()
            .await
            .map_err(|error| explain("beginning the upload of", &place, &error))?;
        let upload = created.upload_id.unwrap_or_default();
        let put = match self.upload_parts(plan, file, &upload).await {
            Ok(parts) => self.complete(plan, &upload, parts).await,
            Err(error) => Err(error),
        };
        if !matches!(put, Ok(Put::Done)) {
            self.abort(&plan.key, &upload).await;
        }
        put
    }

    /// Uploads part after part, one of them in memory at a time (invariant 7).
    async fn upload_parts(
        &self,
        plan: &FilePlan,
        file: &Spooled,
        upload: &str,
    ) -> Result<Vec<CompletedPart>, ConnectError> {
        let mut source = match &file.body {
            Body::Disk(on_disk) => {
                tokio::fs::File::open(on_disk.path()).await.map_err(unreadable)?
            }
            Body::Memory(_) => return Err(ConnectError::fatal("a small file has no parts")),
        };
        let part_bytes = part_bytes(self.config.part_bytes as u64, file.bytes);
        let mut parts = Vec::new();
        let mut number = 1;
        loop {
            let mut part = Vec::new();
            (&mut source).take(part_bytes).read_to_end(&mut part).await.map_err(unreadable)?;
            if part.is_empty() {
                return Ok(parts);
            }
            let sent = self
                .client
                .upload_part()
                .bucket(&self.config.bucket)
                .key(&plan.key)
                .upload_id(upload)
                .part_number(number)
                .body(ByteStream::from(part))
                .send()
                .await
                .map_err(|error| explain("uploading", &self.place(&plan.key), &error))?;
            parts.push(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build());
            number += 1;
        }
    }

    async fn complete(
        &self,
        plan: &FilePlan,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<Put, ConnectError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let mut request = self
            .client
            .complete_multipart_upload()
            .bucket(&self.config.bucket)
            .key(&plan.key)
            .upload_id(upload)
            .multipart_upload(parts);
        if self.config.conditional {
            request = request.if_none_match("*");
        }
        match request.send().await {
            Ok(_) => Ok(Put::Done),
            Err(error) if is_conflict(&error) => Ok(Put::Taken),
            Err(error) => Err(explain("completing", &self.place(&plan.key), &error)),
        }
    }

    /// Gives up uploads that a killed run began under this name. Nobody is let
    /// down if that is not allowed: they cost space, nothing else.
    async fn abort_leftovers(&self, key: &str) {
        let listed = self
            .client
            .list_multipart_uploads()
            .bucket(&self.config.bucket)
            .prefix(key)
            .send()
            .await;
        match listed {
            Err(_) => tracing::debug!(key, "unfinished uploads can't be listed"),
            Ok(listed) => {
                for upload in listed.uploads.unwrap_or_default() {
                    if let (Some(found), Some(id)) = (upload.key, upload.upload_id)
                        && found == key
                    {
                        self.abort(key, &id).await;
                    }
                }
            }
        }
    }

    async fn abort(&self, key: &str, upload: &str) {
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(&self.config.bucket)
            .key(key)
            .upload_id(upload)
            .send()
            .await;
        if aborted.is_err() {
            tracing::warn!(key, "an unfinished upload is left: let a lifecycle rule remove such");
        }
    }
}

impl Store for Bucket {
    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.config.bucket)
    }

    fn spool(&self) -> &Arc<SpoolFolder> {
        &self.spool
    }

    fn look<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Found>, ConnectError>> {
        Box::pin(async move {
            let head = self.client.head_object().bucket(&self.config.bucket).key(key).send().await;
            let head = match head {
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(explain("looking for", &self.place(key), &error)),
                Ok(head) => head,
            };
            let metadata = head.metadata.unwrap_or_default();
            let written_for = (|| {
                Some(WrittenFor {
                    topic_id: metadata.get(TOPIC_ID)?.parse().ok()?,
                    first: metadata.get(FIRST)?.parse().ok()?,
                    last: metadata.get(LAST)?.parse().ok()?,
                })
            })();
            Ok(Some(Found {
                bytes: head.content_length.and_then(|n| n.try_into().ok()).unwrap_or_default(),
                crc: metadata.get(CRC).and_then(|crc| u32::from_str_radix(crc, 16).ok()),
                written_for,
            }))
        })
    }

    fn put<'a>(
        &'a self,
        plan: &'a FilePlan,
        file: &'a Spooled,
    ) -> BoxFuture<'a, Result<Put, ConnectError>> {
        Box::pin(async move {
            if !self.config.conditional && self.look(&plan.key).await?.is_some() {
                return Ok(Put::Taken);
            }
            let whole =
                file.bytes <= self.config.part_bytes as u64 || matches!(file.body, Body::Memory(_));
            if whole {
                self.put_whole(plan, file).await
            } else {
                self.put_in_parts(plan, file).await
            }
        })
    }

    /// Begins an upload and gives it up: that takes the right to write, and
    /// leaves nothing.
    fn check(&self) -> BoxFuture<'_, Result<(), ConnectError>> {
        Box::pin(async move {
            let key = ".thalweg-check";
            let created = self
                .client
                .create_multipart_upload()
                .bucket(&self.config.bucket)
                .key(key)
                .send()
                .await
                .map_err(|error| explain("writing to", &self.place(key), &error))?;
            self.abort(key, created.upload_id.as_deref().unwrap_or_default()).await;
            Ok(())
        })
    }
}

/// What an object says of itself: whose rows it holds, and that they are whole.
fn metadata(plan: &FilePlan) -> HashMap<String, String> {
    let fields = [
        (TOPIC_ID, plan.topic_id.to_string()),
        (FIRST, plan.first.to_string()),
        (LAST, plan.last.to_string()),
        (CRC, format!("{:08x}", plan.content.crc)),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// S3 takes at most 10,000 parts.
fn part_bytes(configured: u64, file: u64) -> u64 {
    configured.max(file.div_ceil(10_000))
}

fn unreadable(error: std::io::Error) -> ConnectError {
    ConnectError::retriable(format!("reading the temporary file of an upload: {error}"))
}

fn client_config(config: &BucketConfig) -> Config {
    // ring only: two providers of cryptography in one program panic.
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let (request, response) = match config.checksums {
        Checksums::WhenRequired => {
            (RequestChecksumCalculation::WhenRequired, ResponseChecksumValidation::WhenRequired)
        }
        Checksums::WhenSupported => {
            (RequestChecksumCalculation::WhenSupported, ResponseChecksumValidation::WhenSupported)
        }
    };
    let mut builder = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(config.region.clone()))
        .force_path_style(config.path_style)
        .request_checksum_calculation(request)
        .response_checksum_validation(response)
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .operation_attempt_timeout(Duration::from_secs(300))
                .build(),
        )
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(config.retries.saturating_add(1))
                .with_initial_backoff(config.backoff),
        );
    if let Some(endpoint) = &config.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    match &config.access_key {
        Some((id, secret)) => {
            let keys = Credentials::new(id, secret.expose(), None, None, "config");
            builder.credentials_provider(keys).build()
        }
        None => builder.allow_no_auth().build(),
    }
}
