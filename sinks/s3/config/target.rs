//! Where the files go, and how that is reached.

use std::path::PathBuf;
use std::time::Duration;

use thalweg_core::config::{Declare, Secret};

use super::Target;
use crate::s3::store::{BucketConfig, Checksums};

pub(super) fn declare(keys: &mut Declare<'_>) -> Target {
    let url = keys
        .text(
            "store.url",
            "URL of the S3 server; without one it is AWS. file:///path writes a lake into a local \
             folder, and then no other key of S3 is needed.",
        )
        .high()
        .check(|url| match url.split_once("://") {
            Some(("http" | "https", host)) if !host.is_empty() => Ok(()),
            Some(("file", path)) if path.starts_with('/') => Ok(()),
            _ => Err("expected http://host:port, https://host:port or file:///path".to_owned()),
        })
        .optional();
    let bucket = keys.text("s3.bucket.name", "The S3 bucket.").high().optional();
    let folder = url.as_deref().and_then(|url| url.strip_prefix("file://"));
    if keys.reads() && bucket.is_none() && folder.is_none() {
        keys.problem(
            "s3.bucket.name",
            "Missing required configuration: it has no default value (a local lake needs none: \
             set store.url to file:///path)",
        );
    }
    let bucket = bucket_config(keys, bucket.unwrap_or_default(), url.clone());
    match folder {
        Some(path) => Target::Folder(PathBuf::from(path)),
        None => Target::Bucket(bucket),
    }
}

fn bucket_config(keys: &mut Declare<'_>, bucket: String, url: Option<String>) -> BucketConfig {
    let region = keys.text("s3.region", "The bucket's region.").default("us-west-2".to_owned());
    let path_style = keys
        .flag("s3.path.style.access.enabled", "http://server/bucket, not http://bucket.server.")
        .default(true);
    let part = keys
        .int("s3.part.size", "Files above this go up in parts of this size, in bytes.")
        .range(5_242_880..=2_147_483_647)
        .default(26_214_400);
    let checksums = keys
        .choice(
            "s3.checksum",
            "When requests carry a checksum of their body: servers other than AWS often refuse \
             one that they did not ask for.",
        )
        .low()
        .default(if url.is_some() { Checksums::WhenRequired } else { Checksums::WhenSupported });
    let conditional = keys
        .flag(
            "enable.conditional.writes",
            "Write with If-None-Match, so that two writers can never replace each other's files. \
             Turn it off only if the server does not know it.",
        )
        .default(true);
    let retries = keys
        .int("s3.part.retries", "Tries after one that failed.")
        .low()
        .range(0..=1000)
        .default(3);
    let backoff =
        keys.int("s3.retry.backoff.ms", "Pause before them.").low().range(0..=60_000).default(200);
    BucketConfig {
        bucket,
        region,
        endpoint: url,
        path_style,
        access_key: access_key(keys),
        part_bytes: usize::try_from(part).unwrap_or(26_214_400),
        conditional,
        checksums,
        retries: u32::try_from(retries).unwrap_or(3),
        backoff: Duration::from_millis(backoff.unsigned_abs()),
        acl: keys.text("s3.acl.canned", "Canned access list of the files.").low().optional(),
        encryption: keys
            .text("s3.ssea.name", "Server-side encryption: AES256 or aws:kms.")
            .low()
            .check(|name| match name.as_str() {
                "AES256" | "aws:kms" => Ok(()),
                _ => Err("expected AES256 or aws:kms".to_owned()),
            })
            .optional(),
        kms_key: keys.text("s3.sse.kms.key.id", "Key of that encryption.").low().optional(),
    }
}

fn access_key(keys: &mut Declare<'_>) -> Option<(String, Secret)> {
    let id = keys
        .text(
            "aws.access.key.id",
            "Id of the access key; without one, the environment's AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY are used.",
        )
        .high()
        .optional();
    let secret = keys.secret("aws.secret.access.key", "Its secret.").high().optional();
    let provider = keys.posted("s3.credentials.provider.class").unwrap_or_default();
    let chain = "com.amazonaws.auth.DefaultAWSCredentialsProviderChain";
    if provider.ends_with(".DefaultCredentialsProvider") {
        keys.accept_prefix("s3.credentials.provider.class");
    } else {
        keys.refuse("s3.credentials.provider.class", chain, "What gives the access key.");
    }
    keys.refuse_prefix("s3.credentials.provider.");
    match (id, secret.filter(|secret| !secret.expose().is_empty())) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (None, None) => {
            let id = std::env::var("AWS_ACCESS_KEY_ID").ok()?;
            let secret = std::env::var("AWS_SECRET_ACCESS_KEY").ok()?;
            Some((id, Secret::new(secret)))
        }
        (Some(_), None) => {
            keys.problem("aws.secret.access.key", "it is missing beside aws.access.key.id");
            None
        }
        (None, Some(_)) => {
            keys.problem("aws.access.key.id", "it is missing beside aws.secret.access.key");
            None
        }
    }
}
