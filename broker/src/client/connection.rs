//! The connection: frames there and back.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;

use super::{Api, ClientError};
use crate::wire::Reader;

/// How long the server may take to accept.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long the server may take before it sends or takes the next bytes. Nothing
/// that is asked for here waits for longer than a fraction of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How the client calls itself.
const CLIENT_ID: &str = "thalweg";
/// An answer has a correlation id at least.
const ANSWER_LEN_MIN: usize = 4;
/// Memory for an answer grows with what comes, from this on.
const ANSWER_STEP: usize = 1 << 20;

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: String,
    correlation: i32,
    /// Whether this server has answered as one of Kafka does.
    is_kafka: bool,
}

impl Connection {
    /// Connects to `HOST:PORT`.
    pub(super) fn open(address: &str) -> Result<Self, ClientError> {
        let port = address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(port)) if port != 0) {
            return Err(ClientError::Address(address.to_owned()));
        }
        let stream = connect(address)
            .map_err(|error| ClientError::Unreachable { address: address.to_owned(), error })?;
        Ok(Self { stream, address: address.to_owned(), correlation: 0, is_kafka: false })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request and waits for its answer: what follows the correlation id.
    pub(super) fn call(
        &mut self,
        api: &Api,
        request: &impl Encodable,
    ) -> Result<Bytes, ClientError> {
        self.correlation = self.correlation.wrapping_add(1);
        let frame = frame(api, self.correlation, request)?;
        let answered = self.stream.write_all(&frame).and_then(|()| self.length());
        let length = answered.map_err(|error| self.broken(api, error))?;
        let len = usize::try_from(length).unwrap_or(usize::MAX);
        if len > api.answer_len_max || len < ANSWER_LEN_MIN {
            if !self.is_kafka {
                return Err(self.not_kafka("its answer has no length that is possible"));
            }
            return Err(ClientError::TooLong { api: api.name, len, max: api.answer_len_max });
        }
        let answer = self.rest(len).map_err(|error| self.broken(api, error))?;
        let mut reader = Reader::of_answer(&answer, false);
        match reader.i32() {
            Ok(correlation) if correlation == self.correlation => {}
            _ if self.is_kafka => {
                return Err(self.malformed(api, "it is the answer to another request"));
            }
            _ => return Err(self.not_kafka("its answer is not to our question")),
        }
        self.is_kafka = true;
        Ok(answer.slice(ANSWER_LEN_MIN..))
    }

    fn length(&mut self) -> io::Result<i32> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        Ok(i32::from_be_bytes(length))
    }

    /// The bytes of an answer, in memory that grows as they come (invariant 7).
    fn rest(&mut self, len: usize) -> io::Result<Bytes> {
        let mut answer = Vec::with_capacity(len.min(ANSWER_STEP));
        (&mut self.stream).take(len as u64).read_to_end(&mut answer)?;
        if answer.len() < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer.into())
    }

    fn broken(&self, api: &Api, error: io::Error) -> ClientError {
        let is_gone = error.kind() == io::ErrorKind::UnexpectedEof;
        if is_gone && !self.is_kafka {
            return self.not_kafka("it closed the connection");
        }
        let error = match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("the server closed it"),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                io::Error::other(format!("nothing came for {PATIENCE:?}"))
            }
            _ => error,
        };
        ClientError::Broken { address: self.address.clone(), api: api.name, error }
    }

    fn not_kafka(&self, reason: &str) -> ClientError {
        ClientError::NotKafka { address: self.address.clone(), reason: reason.to_owned() }
    }

    /// An answer that can't be read.
    pub(super) fn malformed(&self, api: &Api, reason: impl ToString) -> ClientError {
        let reason = reason.to_string();
        ClientError::Malformed { address: self.address.clone(), api: api.name, reason }
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The whole frame of a request.
fn frame(api: &Api, correlation: i32, request: &impl Encodable) -> Result<BytesMut, ClientError> {
    let mut frame = BytesMut::with_capacity(256);
    frame.put_i32(0);
    frame.put_i16(api.key);
    frame.put_i16(api.version);
    frame.put_i32(correlation);
    frame.put_i16(i16::try_from(CLIENT_ID.len()).unwrap_or(0));
    frame.put_slice(CLIENT_ID.as_bytes());
    if api.is_flexible {
        frame.put_u8(0);
    }
    let unwritable = || ClientError::Unwritable(api.name);
    request.encode(&mut frame, api.version).map_err(|_| unwritable())?;
    let length = i32::try_from(frame.len() - 4).map_err(|_| unwritable())?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}
