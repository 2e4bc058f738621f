//! Frames of the protocol, in and out of one buffer each.

use bytes::{Buf, BytesMut};
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
    input: BytesMut,
    output: BytesMut,
}

impl Wire {
    /// On a connected socket.
    pub(super) fn new(socket: Socket) -> Self {
        let input = BytesMut::with_capacity(READ_BYTES);
        Self { socket, input, output: BytesMut::new() }
    }

    /// What goes out with the next [`Wire::fill`] or [`Wire::flush`].
    pub(super) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// What was read and not consumed.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.input
    }

    /// Lets go of whole frames at the front.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.input.advance(bytes);
        if self.input.is_empty() && self.input.capacity() > KEEP_BYTES_MAX {
            self.input = BytesMut::with_capacity(READ_BYTES);
        }
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
        self.input.reserve(READ_BYTES);
        match self.socket.read_buf(&mut self.input).await? {
            0 => Err(Fault::Closed),
            _ => Ok(()),
        }
    }

    /// Waits for a whole frame at the front of the buffer. Notices are passed
    /// over, an error of the server is an error. Cancel-safe.
    pub(crate) async fn frame(&mut self) -> Result<Frame<'_>, Fault> {
        loop {
            match next_frame(&self.input)? {
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
        match next_frame(&self.input)? {
            Some((frame, _)) => Ok(frame),
            None => Err(Fault::Closed),
        }
    }

    /// Lets go of the frame at the front.
    pub(crate) fn consume_frame(&mut self) -> Result<(), Fault> {
        if let Some((_, size)) = next_frame(&self.input)? {
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
