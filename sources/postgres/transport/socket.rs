//! TCP, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tcp::Tcp;
use super::{Fault, Purpose};
use crate::postgres::client::{Server, SslMode};

/// What bytes go over.
pub(super) enum Socket {
    /// As they are.
    Plain(Tcp),
    /// Encrypted.
    Tls(Box<TlsStream<Tcp>>),
}

/// Without a network between them, each row that a walsender sends is carried
/// to us by its own system call, at more than it costs to decode. While there is
/// no room here it is only added to what waits there, and comes with that.
const LOOPBACK_STREAM_BYTES: u32 = 16 * 1024;

/// The request to encrypt: length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

impl Socket {
    /// Connects to the first address that answers, and encrypts as asked.
    pub(super) async fn connect(server: &Server, purpose: Purpose) -> Result<Self, Fault> {
        let mut stream = Tcp::new(dial(server, purpose).await?);
        let Some(tls) = &server.tls else { return Ok(Self::Plain(stream)) };
        stream.write_all(&SSL_REQUEST).await?;
        match stream.read_u8().await? {
            b'S' => {
                let name = server.host.clone().try_into().map_err(|_| {
                    Fault::protocol(format!("{} is not a name for TLS", server.host))
                })?;
                let connector = TlsConnector::from(std::sync::Arc::clone(tls));
                let stream = connector.connect(name, stream).await?;
                Ok(Self::Tls(Box::new(stream)))
            }
            b'N' if server.ssl_mode == SslMode::Prefer => Ok(Self::Plain(stream)),
            b'N' => Err(Fault::protocol(
                "the server does not offer TLS: set database.sslmode=disable, or turn ssl on there",
            )),
            other => Err(Fault::protocol(format!("byte {other} in answer to the TLS request"))),
        }
    }

    /// What arrives wakes nobody until a read finds nothing.
    pub(super) fn put_aside(&mut self) -> Result<(), Fault> {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_mut().0,
        };
        Ok(stream.put_aside()?)
    }
}

async fn dial(server: &Server, purpose: Purpose) -> Result<TcpStream, Fault> {
    let mut last = None;
    for address in lookup_host((server.host.as_str(), server.port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_keepalive(server.keepalive)?;
        if address.ip().is_loopback() && purpose == Purpose::Replication {
            socket.set_recv_buffer_size(LOOPBACK_STREAM_BYTES)?;
        }
        let dialed = tokio::time::timeout(Duration::from_secs(10), socket.connect(address)).await;
        match dialed {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(io::Error::new(io::ErrorKind::TimedOut, "no answer in 10 s")),
        }
    }
    let nothing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    Err(Fault::Io(last.unwrap_or_else(nothing)))
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
