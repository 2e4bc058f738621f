//! The writing half of a connection.

use std::io::{self, IoSlice};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{End, Step};
use crate::server::Server;
use crate::wire::Response;

/// Parts of an answer that are handed to the system at once.
const SLICES_MAX: usize = 64;

pub(super) struct Answers<'a, W> {
    pub(super) server: &'a Server,
    pub(super) stream: W,
    pub(super) patience: Duration,
}

impl<W: AsyncWrite + Unpin> Answers<'_, W> {
    /// Answers requests in their order until there are no more.
    pub(super) async fn run(mut self, mut calls: mpsc::Receiver<Step>) -> Result<(), End> {
        while let Some(step) = calls.recv().await {
            match step {
                Step::Produced(call, staged) => {
                    let is_answered = staged.is_answered();
                    let response = staged.answer(&call).await.map_err(|refusal| {
                        End::Silent(call.api.name, call.local.to_string(), refusal.message)
                    })?;
                    if is_answered {
                        self.write(response).await?;
                    }
                }
                Step::Run(mut call, handler, done) => {
                    let response = handler(self.server, &mut call).await?;
                    drop(call);
                    self.write(response).await?;
                    if let Some(done) = done {
                        // The reader is gone when the client is.
                        done.send(()).ok();
                    }
                }
            }
        }
        Ok(())
    }

    async fn write(&mut self, response: Response) -> Result<(), End> {
        let mut parts = &response.parts[..];
        // Bytes of the first part that are written.
        let mut written = 0;
        while !parts.is_empty() {
            let write = timeout(self.patience, write_some(&mut self.stream, parts, written)).await;
            let len = write.map_err(|_| End::Deaf(self.patience))?.map_err(End::Write)?;
            written += len;
            while let Some((first, rest)) = parts.split_first()
                && written >= first.len()
            {
                written -= first.len();
                parts = rest;
            }
        }
        Ok(())
    }
}

async fn write_some(
    stream: &mut (impl AsyncWrite + Unpin),
    parts: &[Bytes],
    written: usize,
) -> io::Result<usize> {
    let len = match parts {
        [only] => stream.write(&only[written..]).await?,
        parts => {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (slice, part) in slices.iter_mut().zip(parts) {
                *slice = IoSlice::new(if count == 0 { &part[written..] } else { part });
                count += 1;
            }
            stream.write_vectored(&slices[..count]).await?
        }
    };
    if len == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(len) }
}
