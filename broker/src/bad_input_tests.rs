//! What clients must not send, over real sockets: each is a protocol error or a
//! closed connection, and the server goes on.

use std::time::Duration;

use bytes::Bytes;
use thalweg_log::record::{BatchBuilder, Compression};
use thalweg_log::{Log, OffsetAt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::connection::frame::Patience;
use crate::testing::{BATCH, Fixture};
use crate::{Broker, BrokerOptions};

const SOON: Duration = Duration::from_secs(10);
const PATIENCE: Patience = Patience {
    idle: Duration::from_secs(30),
    frame: Duration::from_millis(300),
    stall: Duration::from_millis(200),
    mebibyte: Duration::from_millis(10),
    answer: Duration::from_millis(500),
};

struct World {
    fixture: Fixture,
    broker: Broker,
    address: std::net::SocketAddr,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options: BrokerOptions = fixture.options.clone();
        let broker = Broker::start_with(listener, options, PATIENCE);
        Self { fixture, broker, address }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes as they are; the connection must end without an answer.
    async fn is_closed_by(&self, what: &str, bytes: &[u8]) {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        assert_eq!(rest(&mut stream).await, b"", "{what}");
        self.is_alive().await;
    }

    async fn is_alive(&self) {
        let mut stream = self.connect().await;
        stream.write_all(&framed(b"\0\x12\0\0\0\0\0\x01\xff\xff")).await.unwrap();
        assert_eq!(answer(&mut stream).await[..6], *b"\0\0\0\x01\0\0");
    }

    /// Produces a batch for partition 0, and returns the error code.
    async fn produce(&self, topic: &str, batch: &[u8]) -> i16 {
        let mut stream = self.connect().await;
        stream.write_all(&framed(&produce_request(1, -1, topic, batch))).await.unwrap();
        code(&answer(&mut stream).await, topic)
    }

    async fn end(&self) -> i64 {
        let topic = self.fixture.server.log().topic("t").unwrap();
        self.fixture.server.log().offset(topic.partition(0), OffsetAt::End).await.unwrap()
    }
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let len = u32::try_from(frame.len()).unwrap();
    [&len.to_be_bytes()[..], frame].concat()
}

/// Produce 3.
fn produce_request(correlation: u8, acks: i16, topic: &str, batch: &[u8]) -> Vec<u8> {
    let topic_len = u8::try_from(topic.len()).unwrap();
    let head = [0, 0, 0, 3, 0, 0, 0, correlation, 0xff, 0xff, 0xff, 0xff];
    let acks = acks.to_be_bytes();
    let len = u32::try_from(batch.len()).unwrap().to_be_bytes();
    let topic = [&[0, topic_len], topic.as_bytes()].concat();
    let one = [0, 0, 0, 1];
    [&head[..], &acks, &[0, 0, 0x75, 0x30], &one, &topic, &one, &[0; 4], &len, batch].concat()
}

/// The error code in an answer to Produce 3.
fn code(answer: &[u8], topic: &str) -> i16 {
    let at = 4 + 4 + 2 + topic.len() + 4 + 4;
    i16::from_be_bytes([answer[at], answer[at + 1]])
}

async fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let len = timeout(SOON, stream.read_u32()).await.unwrap().unwrap();
    let mut answer = vec![0; len as usize];
    timeout(SOON, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    answer
}

/// What comes until the end. A reset is an end, too.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    timeout(SOON, stream.read_to_end(&mut rest)).await.expect("it stays open").ok();
    rest
}

fn with_crc(mut batch: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

/// [`BATCH`] with these bytes at this place, and a right CRC.
fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut batch = BATCH.to_vec();
    batch[at..at + bytes.len()].copy_from_slice(bytes);
    with_crc(batch)
}

#[tokio::test]
async fn frames_that_can_not_be_end_their_connection() {
    let world = World::new().await;
    let head = b"\0\x03\0\x01\0\0\0\x01\xff\xff";
    for (what, bytes) in [
        ("a negative length", b"\xff\xff\xff\xff\0\x03\0\x01".to_vec()),
        ("the lowest length", b"\x80\0\0\0\0\x03\0\x01".to_vec()),
        ("a length of 2 GiB", b"\x7f\xff\xff\xff\0\0\0\x03".to_vec()),
        ("no length", b"\0\0\0\0".to_vec()),
        ("less than a header", b"\0\0\0\x07\0\x03\0\x01\0\0\0".to_vec()),
        ("a Produce above its cap", b"\x06\x40\0\x01\0\0\0\x03".to_vec()),
        ("a Metadata above its cap", b"\0\x10\0\x01\0\x03\0\x01".to_vec()),
        ("an unknown API", framed(b"\x03\xe7\0\0\0\0\0\x01\xff\xff")),
        ("an API of groups", framed(b"\0\x0a\0\0\0\0\0\x01\xff\xff")),
        ("an unknown version", framed(b"\0\x03\0\x63\0\0\0\x01\xff\xff")),
        ("a version before 0.11", framed(b"\0\0\0\x02\0\0\0\x01\xff\xff")),
        ("an array of 2 G topics", framed(&[head, &b"\x7f\xff\xff\xff"[..]].concat())),
        ("an array of -2 topics", framed(&[head, &b"\xff\xff\xff\xfe"[..]].concat())),
        ("a name without its end", framed(&[head, &b"\0\0\0\x01\0\x09abc"[..]].concat())),
        ("a name that is no text", framed(&[head, &b"\0\0\0\x01\0\x01\xff"[..]].concat())),
        ("a client id without its end", framed(b"\0\x03\0\x01\0\0\0\x01\x7f\xffab")),
        ("text of another protocol", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
    ] {
        world.is_closed_by(what, &bytes).await;
    }
    let too_many = [&head[..], &200_000u32.to_be_bytes(), &vec![0; 400_000]].concat();
    world.is_closed_by("more elements than the cap", &framed(&too_many)).await;
}

#[tokio::test]
async fn truncated_and_slow_frames_end_their_connection() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    stream.write_all(b"\0\0\0\x20\0\x03\0\x01\0\0").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
    for slow in [&b"\0"[..], b"\0\0\0\x20\0\x03\0\x01", b"\0\x20\0\0\0\0\0\x03"] {
        let mut stream = world.connect().await;
        stream.write_all(slow).await.unwrap();
        assert_eq!(rest(&mut stream).await, b"");
    }
    // Time is for the whole frame, not for each byte.
    let mut stream = world.connect().await;
    let started = std::time::Instant::now();
    while stream.write_all(b"\0").await.is_ok() && started.elapsed() < SOON {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut byte = [0];
        if matches!(stream.try_read(&mut byte), Ok(0)) {
            break;
        }
    }
    assert!(started.elapsed() < SOON / 2);
    world.is_alive().await;
}

#[tokio::test]
async fn a_client_that_takes_no_answers_is_left() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    // More answers than the buffers of both sides hold.
    let request = framed(b"\0\x03\0\x01\0\0\0\x01\xff\xff\xff\xff\xff\xff").repeat(1000);
    let sent = async { while stream.write_all(&request).await.is_ok() {} };
    timeout(SOON, sent).await.expect("it is served for ever");
    world.is_alive().await;
}

#[tokio::test]
async fn batches_that_can_not_be_are_refused() {
    const CORRUPT: i16 = 2;
    const INVALID: i16 = 87;
    let world = World::new().await;
    let bad_crc = [&BATCH[..17], &[0; 4], &BATCH[21..]].concat();
    for (what, expected, batch) in [
        ("a bad CRC", CORRUPT, bad_crc),
        ("magic 1", 43, changed(16, &[1])),
        ("magic 3", CORRUPT, changed(16, &[3])),
        ("a codec that does not exist", CORRUPT, changed(21, &[0, 7])),
        ("a control batch", INVALID, changed(21, &[0, 0x20])),
        ("a transaction", 48, changed(21, &[0, 0x10])),
        ("more records than offsets", CORRUPT, changed(57, &[0, 0, 0, 2])),
        ("no records", CORRUPT, changed(57, &[0; 4])),
        ("a gap in the offset deltas", INVALID, changed(64, &[2])),
        ("a record that is longer than the batch", INVALID, changed(61, &[0x7e])),
        ("half of a batch", CORRUPT, BATCH[..40].to_vec()),
        ("no batch", CORRUPT, Vec::new()),
        ("two batches", INVALID, BATCH.repeat(2)),
        ("a batch that says it has 2 GiB", CORRUPT, changed(8, b"\x7f\xff\xff\xff")),
        ("a year ahead", 32, changed(27, &i64::MAX.to_be_bytes())),
    ] {
        assert_eq!(world.produce("t", &batch).await, expected, "{what}");
    }
    assert_eq!(world.end().await, 0);
    assert_eq!(world.produce("t", BATCH).await, 0);
}

#[tokio::test]
async fn topics_that_clients_must_not_write_are_refused() {
    let world = World::new().await;
    assert_eq!(world.produce("own", BATCH).await, 17);
    assert_eq!(world.produce("none", BATCH).await, 3);
    assert_eq!(world.produce("../../etc", BATCH).await, 3);
    // Metadata 1 would make it, if it could.
    let mut stream = world.connect().await;
    let request = b"\0\x03\0\x01\0\0\0\x01\xff\xff\0\0\0\x01\0\x05../..";
    stream.write_all(&framed(request)).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.ends_with(b"\0\0\0\x01\0\x11\0\x05../..\0\0\0\0\0"), "{answer:?}");
}

#[tokio::test]
async fn a_bomb_is_stored_unopened_and_harms_no_search_by_time() {
    let world = World::new().await;
    let mut builder = BatchBuilder::new(Compression::Gzip);
    builder.append(1_700_000_000_000, None, Some(&vec![0; 64 << 20]), &[]).unwrap();
    let bomb = builder.finish().unwrap();
    assert!(bomb.len() < 128 << 10);
    assert_eq!(world.produce("t", &bomb).await, 0);
    let mut stream = world.connect().await;
    let request =
        b"\0\x02\0\x01\0\0\0\x01\xff\xff\xff\xff\xff\xff\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0";
    let request = [&request[..], &1_700_000_000_000i64.to_be_bytes()].concat();
    stream.write_all(&framed(&request)).await.unwrap();
    let answer = answer(&mut stream).await;
    assert_eq!(answer[19..21], [0, 0]);
    assert!(answer.ends_with(&0i64.to_be_bytes()));
}

#[tokio::test]
async fn no_answer_to_acks_0_and_a_refusal_ends_the_connection() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    stream.write_all(&framed(&produce_request(1, 0, "t", BATCH))).await.unwrap();
    stream.write_all(&framed(&produce_request(2, 1, "t", BATCH))).await.unwrap();
    let second = answer(&mut stream).await;
    assert_eq!((second[3], code(&second, "t")), (2, 0));
    assert_eq!(world.end().await, 2);
    stream.write_all(&framed(&produce_request(3, 0, "own", BATCH))).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
    // Acknowledgements by a number of copies are of old protocols.
    let mut stream = world.connect().await;
    stream.write_all(&framed(&produce_request(1, 2, "t", BATCH))).await.unwrap();
    assert_eq!(code(&answer(&mut stream).await, "t"), 21);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    let mut requests = Vec::new();
    for number in 0..100 {
        if number % 10 == 3 {
            requests.extend(framed(&[0, 0x12, 0, 0, 0, 0, 0, number, 0xff, 0xff]));
        } else {
            requests.extend(framed(&produce_request(number, -1, "t", BATCH)));
        }
    }
    stream.write_all(&requests).await.unwrap();
    let mut next = 0i64;
    for number in 0..100 {
        let answer = answer(&mut stream).await;
        assert_eq!(answer[3], number);
        if number % 10 != 3 {
            let at = answer.len() - 8 - 8 - 4;
            assert_eq!(answer[at..at + 8], next.to_be_bytes());
            next += 1;
        }
    }
}

#[tokio::test]
async fn a_large_frame_is_stored_as_it_came() {
    let world = World::new().await;
    let mut builder = BatchBuilder::new(Compression::None);
    let value: Vec<u8> = (0..5_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
    builder.append(1_700_000_000_000, Some(b"k"), Some(&value), &[]).unwrap();
    let batch: Bytes = builder.finish().unwrap();
    assert_eq!(world.produce("t", &batch).await, 0);
    let log = world.fixture.server.log();
    let stored = log.read(log.topic("t").unwrap().partition(0), 0, 1).await.unwrap();
    assert_eq!(stored.batches[16..], batch[16..]);
}

#[tokio::test]
async fn a_stop_ends_long_polls_and_connections() {
    let world = World::new().await;
    let mut idle = world.connect().await;
    let mut polling = world.connect().await;
    // Fetch 4: waits a minute for a byte.
    let fetch = b"\0\x01\0\x04\0\0\0\x01\xff\xff\xff\xff\xff\xff\0\0\xea\x60\0\0\0\x01\0\x10\0\0\0\
        \0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0";
    polling.write_all(&framed(fetch)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopped = std::time::Instant::now();
    timeout(SOON, world.broker.stop()).await.unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(2));
    let answer = rest(&mut polling).await;
    assert_eq!(answer[4..8], *b"\0\0\0\x01");
    assert_eq!(rest(&mut idle).await, b"");
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn a_long_poll_is_answered_when_records_come() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    let fetch = |bytes_min: u8| {
        let head = b"\0\x01\0\x04\0\0\0\x01\xff\xff\xff\xff\xff\xff\0\0\x27\x10\0\0\0";
        let rest = b"\0\x10\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0";
        framed(&[&head[..], &[bytes_min], &rest[..]].concat())
    };
    stream.write_all(&fetch(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.fixture.produce().await;
    assert!(answer(&mut stream).await.ends_with(&BATCH[12..]));
    // Two batches are 140 bytes: the first alone is not enough.
    stream.write_all(&fetch(200)).await.unwrap();
    let early = timeout(Duration::from_millis(100), stream.read_u8()).await;
    assert!(early.is_err());
    world.fixture.produce().await;
    assert!(timeout(Duration::from_millis(100), stream.read_u8()).await.is_err());
    world.fixture.produce().await;
    let answer = answer(&mut stream).await;
    assert!(answer.len() > 3 * BATCH.len() && answer.ends_with(&BATCH[12..]));
}
