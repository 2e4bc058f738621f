//! Cutting a stream into frames. Nothing is allocated for a frame before its
//! length and its API are known and allowed (invariant 7).

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::apis;
use crate::server::Budget;

/// Frames up to this length share a buffer of this size; larger ones have one
/// of their own.
const BUFFER_LEN: usize = 16 << 10;
/// Longest frame that brings records.
const PRODUCE_LEN_MAX: usize = 100 << 20;
/// Longest frame of any other kind.
const CONTROL_LEN_MAX: usize = 1 << 20;
/// API, version and correlation id.
const HEADER_LEN_MIN: usize = 8;
const LENGTH_LEN: usize = 4;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// To begin a request.
    pub(crate) idle: Duration,
    /// To send a frame, once it is begun.
    pub(crate) frame: Duration,
    /// To send some bytes of it: large frames wait for the room that it has.
    pub(crate) stall: Duration,
    /// More for each MiB of it.
    pub(crate) mebibyte: Duration,
    /// To take some bytes of an answer.
    pub(crate) answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(600),
            frame: Duration::from_secs(30),
            stall: Duration::from_secs(5),
            mebibyte: Duration::from_secs(1),
            answer: Duration::from_secs(60),
        }
    }
}

/// Why no frame comes any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The client went away between two frames, or said nothing for long.
    #[error("it is done")]
    Done,
    #[error("its frame says a length of {0}, and {HEADER_LEN_MIN} is the least")]
    Length(i32),
    #[error("its frame of {len} bytes is larger than {max}, the most for API {key}")]
    TooLong { len: usize, max: usize, key: i16 },
    #[error("it ended inside of a frame")]
    Truncated,
    #[error(
        "it sent nothing of a frame for {stall:?}, or took longer than {frame:?} for all of it"
    )]
    Slow { stall: Duration, frame: Duration },
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
}

/// One request, without its length field.
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    /// Its place in memory, if it is large.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// The reading half of a connection.
pub(crate) struct Frames<'a, R> {
    stream: R,
    buffer: BytesMut,
    budget: &'a Budget,
    patience: Patience,
}

impl<'a, R: AsyncRead + Unpin> Frames<'a, R> {
    pub(crate) fn new(stream: R, budget: &'a Budget, patience: Patience) -> Self {
        Self { stream, buffer: BytesMut::new(), budget, patience }
    }

    /// The next frame. Not to be called again after an error.
    pub(crate) async fn next(&mut self) -> Result<Frame, Broken> {
        if self.buffer.is_empty() {
            let deadline = Instant::now() + self.patience.idle;
            match self.fill(deadline).await {
                Ok(()) => {}
                Err(Broken::Truncated | Broken::Slow { .. }) => return Err(Broken::Done),
                Err(error) => return Err(error),
            }
        }
        let deadline = Instant::now() + self.patience.frame;
        let (len, key) = self.head(deadline).await?;
        let max = if key == apis::produce::KEY { PRODUCE_LEN_MAX } else { CONTROL_LEN_MAX };
        if len > max {
            return Err(Broken::TooLong { len, max, key });
        }
        if LENGTH_LEN + len <= BUFFER_LEN {
            while self.buffer.len() < LENGTH_LEN + len {
                self.fill(self.until(deadline)).await?;
            }
            let bytes = self.buffer.split_to(LENGTH_LEN + len).freeze().slice(LENGTH_LEN..);
            return Ok(Frame { bytes, permit: None });
        }
        self.large(len).await
    }

    /// Length and API of the frame that begins.
    async fn head(&mut self, deadline: Instant) -> Result<(usize, i16), Broken> {
        loop {
            if let Some((length, rest)) = self.buffer.split_first_chunk() {
                let length = i32::from_be_bytes(*length);
                let len = usize::try_from(length).ok().filter(|len| *len >= HEADER_LEN_MIN);
                let len = len.ok_or(Broken::Length(length))?;
                if let Some(key) = rest.first_chunk() {
                    return Ok((len, i16::from_be_bytes(*key)));
                }
            }
            self.fill(self.until(deadline)).await?;
        }
    }

    /// Until when to wait for some bytes of a frame that must be there then.
    fn until(&self, deadline: Instant) -> Instant {
        deadline.min(Instant::now() + self.patience.stall)
    }

    fn slow(&self, frame: Duration) -> Broken {
        Broken::Slow { stall: self.patience.stall, frame }
    }

    /// Reads some bytes into the buffer.
    async fn fill(&mut self, deadline: Instant) -> Result<(), Broken> {
        // What earlier frames held may be free again by now.
        if self.buffer.capacity() - self.buffer.len() < BUFFER_LEN / 4 {
            self.buffer.reserve(BUFFER_LEN);
        }
        let read = timeout_at(deadline, self.stream.read_buf(&mut self.buffer)).await;
        match read.map_err(|_| self.slow(self.patience.frame))?? {
            0 => Err(Broken::Truncated),
            _ => Ok(()),
        }
    }

    /// A frame that has a buffer of its own, and gives its memory back to the
    /// log as it is.
    async fn large(&mut self, len: usize) -> Result<Frame, Broken> {
        let mebibytes = u32::try_from(len >> 20).unwrap_or(u32::MAX);
        let patience = self.patience.frame + self.patience.mebibyte * mebibytes;
        let permit = self.budget.take(len).await;
        let deadline = Instant::now() + patience;
        let mut frame = BytesMut::with_capacity(len);
        let known = self.buffer.len().min(LENGTH_LEN + len);
        frame.extend_from_slice(&self.buffer.split_to(known)[LENGTH_LEN..]);
        while frame.len() < len {
            let until = self.until(deadline);
            let left = (len - frame.len()) as u64;
            let mut stream = (&mut self.stream).take(left);
            let read = timeout_at(until, stream.read_buf(&mut frame)).await;
            if read.map_err(|_| self.slow(patience))?? == 0 {
                return Err(Broken::Truncated);
            }
        }
        Ok(Frame { bytes: frame.freeze(), permit })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::time::timeout;

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn a_frame_that_stalls_ends_long_before_its_time() {
        let fixture = Fixture::new().await;
        let patience = Patience { stall: Duration::from_millis(50), ..Patience::default() };
        for (len, sent) in [(32u32, 3), (32, 8), (1 << 20, 8)] {
            let (mut client, server) = tokio::io::duplex(64);
            let head = [&len.to_be_bytes()[..], b"\0\0\0\x03"].concat();
            client.write_all(&head[..sent]).await.unwrap();
            let mut frames = Frames::new(server, &fixture.server.requests, patience);
            let ended = timeout(Duration::from_secs(10), frames.next()).await.expect("it waits");
            assert!(matches!(ended.err(), Some(Broken::Slow { .. })), "{len}");
        }
        assert!(fixture.server.requests.try_take(usize::MAX).is_some());
    }
}
