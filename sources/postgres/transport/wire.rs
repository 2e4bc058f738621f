//! Frames of the protocol, in and out of one buffer each.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::socket::Socket;
use super::{Fault, ServerError};

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 256 * 1024;
/// A buffer that a wide row has blown up beyond this is let go when empty.
const KEEP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Postgres builds no message above 1 GiB (invariant 7).
const FRAME_BYTES_MAX: usize = 1 << 30;

/// One message of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// What it is.
    pub(crate) tag: u8,
    /// What follows its length.
    pub(crate) body: &'a [u8],
}

/// A connection: frames in, bytes out.
pub(crate) struct Wire {
    socket: Socket,
    input: Input,
    output: BytesMut,
}

/// Bytes that were read and not consumed. The room behind them was written once
/// and is not cleared again before each read.
struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    fn new() -> Self {
        Self { bytes: vec![0; 2 * READ_BYTES], start: 0, end: 0 }
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room for a read.
    fn room(&mut self) -> &mut [u8] {
        if self.bytes.len() - self.end < READ_BYTES {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.bytes.len() - self.end < READ_BYTES {
                // A frame longer than the buffer: it grows with what arrives.
                self.bytes.resize(2 * self.bytes.len(), 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes.min(self.end - self.start);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEEP_BYTES_MAX {
                *self = Self::new();
            }
        }
    }
}

impl Wire {
    /// On a connected socket.
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, input: Input::new(), output: BytesMut::new() }
    }

    /// What goes out with the next [`Wire::fill`] or [`Wire::flush`].
    pub(super) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// What was read and not consumed.
    pub(crate) fn buffered(&self) -> &[u8] {
        self.input.filled()
    }

    /// Lets go of whole frames at the front.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }

    /// Sends what is queued. Cancel-safe.
    pub(crate) async fn flush(&mut self) -> Result<(), Fault> {
        while !self.output.is_empty() {
            self.socket.write_buf(&mut self.output).await?;
        }
        self.socket.flush().await?;
        Ok(())
    }

    /// Sends what is queued, then waits for more bytes. Cancel-safe.
    pub(crate) async fn fill(&mut self) -> Result<(), Fault> {
        if !self.output.is_empty() {
            self.flush().await?;
        }
        match self.socket.read(self.input.room()).await? {
            0 => Err(Fault::Closed),
            read => {
                self.input.end += read;
                Ok(())
            }
        }
    }

    /// What arrives wakes nobody until [`Wire::fill`] finds nothing: for a
    /// caller that is about to sleep.
    pub(crate) fn put_aside(&mut self) -> Result<(), Fault> {
        self.socket.put_aside()
    }

    /// Waits for a whole frame at the front of the buffer. Notices are passed
    /// over, an error of the server is an error. Cancel-safe.
    pub(crate) async fn frame(&mut self) -> Result<Frame<'_>, Fault> {
        loop {
            match next_frame(self.input.filled())? {
                None => self.fill().await?,
                Some((Frame { tag: b'N' | b'S', .. }, size)) => self.consume(size),
                Some((Frame { tag: b'E', body }, size)) => {
                    let error = ServerError::parse(body);
                    self.consume(size);
                    return Err(Fault::Server(error));
                }
                Some(_) => break,
            }
        }
        match next_frame(self.input.filled())? {
            Some((frame, _)) => Ok(frame),
            None => Err(Fault::Closed),
        }
    }

    /// Lets go of the frame at the front.
    pub(crate) fn consume_frame(&mut self) -> Result<(), Fault> {
        if let Some((_, size)) = next_frame(self.input.filled())? {
            self.consume(size);
        }
        Ok(())
    }

    /// Says goodbye, so that the server lets go at once.
    pub(crate) async fn close(mut self) {
        postgres_protocol::message::frontend::terminate(&mut self.output);
        let farewell = async {
            let _ = self.flush().await;
            let _ = self.socket.shutdown().await;
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), farewell).await;
    }
}

/// The frame at the front and its size; none if it is not all there.
#[inline]
pub(crate) fn next_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Fault> {
    let Some((head, rest)) = bytes.split_first_chunk::<5>() else { return Ok(None) };
    let [tag, a, b, c, d] = *head;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if !(4..=FRAME_BYTES_MAX).contains(&length) {
        return Err(Fault::protocol(format!("a message of {length} bytes")));
    }
    let body = length - 4;
    Ok(rest.get(..body).map(|body| (Frame { tag, body }, length + 1)))
}
