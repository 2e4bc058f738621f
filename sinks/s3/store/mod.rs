//! Where finished files go: a local folder or a bucket. Neither ever writes over
//! a file that is there.

mod bucket;
mod bucket_errors;
mod folders;
mod local;

use std::sync::Arc;

use thalweg_core::{BoxFuture, ConnectError};
use uuid::Uuid;

use super::plan::{Content, FilePlan};
use crate::lake::{SpoolFolder, Spooled};

pub(crate) use bucket::{Bucket, BucketConfig, Checksums};
pub(crate) use local::LocalFolder;

/// What lies under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its length.
    pub(crate) bytes: u64,
    /// Its CRC-32C, if that can be known.
    pub(crate) crc: Option<u32>,
    /// The plan that it was written by, if that is noted with it.
    pub(crate) written_for: Option<WrittenFor>,
}

/// Which rows a file holds, as noted with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenFor {
    /// The topic's id.
    pub(crate) topic_id: Uuid,
    /// The first row's offset.
    pub(crate) first: i64,
    /// The last row's offset.
    pub(crate) last: i64,
}

impl Found {
    /// Whether it is the planned file, or what was planned for its offsets before.
    pub(crate) fn is(&self, plan: &FilePlan) -> bool {
        let planned = WrittenFor { topic_id: plan.topic_id, first: plan.first, last: plan.last };
        self.crc.is_some_and(|crc| plan.had(Content { bytes: self.bytes, crc }))
            && self.written_for.as_ref().is_none_or(|noted| *noted == planned)
    }
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is in its place, durable.
    Done,
    /// Something else, or the same, was there before.
    Taken,
}

/// A place for files.
pub(crate) trait Store: Send + Sync {
    /// How people call what has this name.
    fn place(&self, key: &str) -> String;

    /// Where its files lie until they are complete.
    fn spool(&self) -> &Arc<SpoolFolder>;

    /// What lies under a name.
    fn look<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Found>, ConnectError>>;

    /// Puts a finished file under the name that its plan says, if nothing is
    /// there; durable when it answers [`Put::Done`].
    fn put<'a>(
        &'a self,
        plan: &'a FilePlan,
        file: &'a Spooled,
    ) -> BoxFuture<'a, Result<Put, ConnectError>>;

    /// Whether files can be put there; changes nothing.
    fn check(&self) -> BoxFuture<'_, Result<(), ConnectError>>;
}
