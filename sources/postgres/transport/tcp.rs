//! A TCP stream that can stay out of the event queue for a while.

use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Wakes its reader for what arrives, unless it is [put aside](Tcp::put_aside).
///
/// Each segment that arrives at a watched socket wakes a thread. A server that
/// sends each row by itself then spends most of its time on wake-ups, and so do
/// we: a reader that is about to sleep a moment anyway does without them.
pub(super) enum Tcp {
    /// What arrives wakes a thread.
    Watched(TcpStream),
    /// What arrives is found by the next read. It does not block.
    Aside(std::net::TcpStream),
    /// The system refused to watch it again.
    Lost,
}

impl Tcp {
    /// Of a connected stream.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self::Watched(stream)
    }

    /// Takes it out of the event queue until a read finds nothing.
    pub(super) fn put_aside(&mut self) -> io::Result<()> {
        if let Self::Watched(_) = self
            && let Self::Watched(stream) = std::mem::replace(self, Self::Lost)
        {
            *self = Self::Aside(stream.into_std()?);
        }
        Ok(())
    }

    fn watched(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if let Self::Aside(_) = self
            && let Self::Aside(stream) = std::mem::replace(self, Self::Lost)
        {
            *self = Self::Watched(TcpStream::from_std(stream)?);
        }
        match self {
            Self::Watched(stream) => Ok(Pin::new(stream)),
            Self::Aside(_) | Self::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Self::Aside(stream) = &mut *self {
            match stream.read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.watched()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.watched()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_shutdown(cx)
    }
}
