//! Fetches in trouble: damaged files, short memory, answers that are full.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::gather::Gathering;
use super::request::{Request, Topic, Wanted};
use crate::apis::Run;
use crate::call::Call;
use crate::testing::{BATCH, Fixture};
use crate::wire::Reader;

/// A logger that keeps what it is told.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fetch 4 of partitions of `t`, of so many bytes at least and at most: number,
/// offset, most bytes of each.
fn request(bytes: i32, wanted: &[(i32, i64, i32)]) -> Vec<u8> {
    let head = b"\0\x01\0\x04\0\0\0\x01\xff\xff\xff\xff\xff\xff\0\0\x75\x30";
    let bytes = bytes.to_be_bytes();
    let mut request = [&head[..], &bytes, &bytes, b"\0\0\0\0\x01\0\x01t"].concat();
    request.extend(u32::try_from(wanted.len()).unwrap().to_be_bytes());
    for (index, offset, bytes_max) in wanted {
        request.extend(index.to_be_bytes());
        request.extend(offset.to_be_bytes());
        request.extend(bytes_max.to_be_bytes());
    }
    request
}

/// What is answered to a [`request`].
async fn fetch(fixture: &Fixture, bytes: i32, wanted: &[(i32, i64, i32)]) -> Vec<Part> {
    let answer = fixture.ask(&request(bytes, wanted)).await;
    let mut reader = Reader::new(&answer[4 + 4 + 4 + 3..], false);
    let count = reader.count(1).unwrap();
    let part = |_| {
        reader.i32().unwrap();
        let code = reader.i16().unwrap();
        let ends = (reader.i64().unwrap(), reader.i64().unwrap());
        assert_eq!(ends.0, ends.1);
        assert_eq!(reader.i32().unwrap(), -1);
        let len = reader.optional_bytes().unwrap().unwrap().len();
        Part { code, end: ends.0, len }
    };
    (0..count).map(part).collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Part {
    code: i16,
    end: i64,
    len: usize,
}

#[tokio::test]
async fn damage_is_reported_with_file_and_place() {
    let mut fixture = Fixture::new().await;
    fixture.produce().await;
    let segment = fixture.folder.path().join("t-0/00000000000000000000.log");
    fixture.server.log().close().await.unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // A bit of the batch's one value.
    bytes[BATCH.len() - 2] ^= 1;
    fs::write(&segment, bytes).unwrap();
    fixture.reopen();

    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    for _ in 0..3 {
        let parts = fetch(&fixture, 70, &[(0, 0, 4096)]).await;
        assert_eq!(parts, [Part { code: 56, end: -1, len: 0 }]);
    }
    drop(guard);
    let said = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(said.matches("WARN").count(), 1, "{said}");
    let place = format!("damaged log file {} at byte 0", segment.display());
    assert!(said.contains(&place), "{said}");
}

#[tokio::test]
async fn short_memory_ends_a_fetch_with_what_it_has() {
    let fixture = Fixture::new().await;
    fixture.produce().await;
    fixture.produce_to(1).await;
    let everything = fixture.server.fetched.try_take(usize::MAX).unwrap();
    // It wants more than there is, and would wait for half a minute.
    let asked = fetch(&fixture, 1 << 20, &[(0, 0, 4096), (1, 0, 4096)]);
    let parts = timeout(Duration::from_secs(10), asked).await.expect("it waits");
    let lens: Vec<usize> = parts.iter().map(|part| part.len).collect();
    assert_eq!(lens, [BATCH.len(), 0]);
    drop(everything);
    let parts = fetch(&fixture, 140, &[(0, 0, 4096), (1, 0, 4096)]).await;
    let lens: Vec<usize> = parts.iter().map(|part| part.len).collect();
    assert_eq!(lens, [BATCH.len(), BATCH.len()]);
}

#[tokio::test]
async fn a_batch_that_is_larger_than_wanted_has_its_room() {
    let fixture = Fixture::new().await;
    fixture.produce().await;
    let wanted = Wanted { index: 0, leader_epoch: -1, offset: 0, bytes_max: 1 };
    let request = Request {
        wait: Duration::ZERO,
        bytes_min: 1,
        bytes_max: 1,
        is_committed_only: false,
        session_id: 0,
        session_epoch: -1,
        topics: vec![Topic { name: "t".to_owned(), id: uuid::Uuid::nil(), wanted: vec![wanted] }],
    };
    let mut found = Gathering::new(&fixture.server, &request);
    found.until_enough(&CancellationToken::new()).await;
    assert_eq!(found.permit.unwrap().num_permits(), BATCH.len());
}

#[tokio::test]
async fn a_partition_that_does_not_fit_is_told_with_its_ends() {
    let fixture = Fixture::new().await;
    fixture.produce().await;
    fixture.produce_to(1).await;
    fixture.produce_to(1).await;
    let parts = fetch(&fixture, 1, &[(0, 0, 1), (1, 0, 1), (1, 2, 1), (1, 3, 1), (2, 0, 1)]).await;
    let expected = [(0, 1, BATCH.len()), (0, 2, 0), (0, 2, 0), (1, -1, 0), (3, -1, 0)];
    assert_eq!(parts, expected.map(|(code, end, len)| Part { code, end, len }));
}

#[tokio::test]
async fn a_fetch_that_waits_holds_nothing_of_its_frame() {
    let fixture = Fixture::new().await;
    let frame = Bytes::from(request(1, &[(0, 0, 4096)]));
    let local = "127.0.0.1:9092".parse().unwrap();
    let mut call = Call::read(&frame, local, CancellationToken::new()).unwrap();
    call.permit = fixture.server.requests.take(1000).await;
    let Run::Waits(handler) = call.api.run else { panic!("a Fetch waits") };
    let waited = timeout(Duration::from_millis(50), handler(&fixture.server, &mut call)).await;
    assert!(waited.is_err(), "nothing is there");
    assert!(call.body.is_empty());
    assert!(fixture.server.requests.try_take(usize::MAX).is_some());
}
