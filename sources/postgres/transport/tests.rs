//! Frames as a server sends them.

use super::*;
use crate::postgres::position::Lsn;

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn data(lsn: u64, message: &[u8]) -> Vec<u8> {
    let head = [&b"w"[..], &lsn.to_be_bytes(), &[0; 16]].concat();
    frame(b'd', &[&head, message].concat())
}

fn keep_alive(end: u64, reply: u8) -> Vec<u8> {
    frame(b'd', &[&b"k"[..], &end.to_be_bytes(), &[0; 8], &[reply]].concat())
}

#[test]
fn frames_come_one_by_one_and_count_what_they_took() {
    let notice = frame(b'N', b"SNOTICE\0\0");
    let bytes = [data(7, b"first"), notice, keep_alive(9, 1), data(10, b"cut")].concat();
    let mut frames = WalFrames::new(&bytes[..bytes.len() - 1]);
    let first = WalFrame::Data { lsn: Lsn(7), body: b"first" };
    assert_eq!(frames.next().unwrap(), Some(first));
    assert_eq!(frames.taken().bytes, data(7, b"first").len());
    let idle = WalFrame::KeepAlive { end: Lsn(9), reply: true };
    assert_eq!(frames.next().unwrap(), Some(idle));
    assert_eq!(frames.next().unwrap(), None, "the last one is not all there");
    assert_eq!(frames.taken().bytes, bytes.len() - data(10, b"cut").len());
}

#[test]
fn errors_of_the_server_end_the_stream_without_their_detail() {
    let bytes = frame(b'E', b"SERROR\0C57P01\0Mgoing down\0DKey (id)=(5)\0\0");
    let fault = WalFrames::new(&bytes).next().unwrap_err();
    assert_eq!(fault.code(), Some("57P01"));
    assert_eq!(fault.to_string(), "going down (SQLSTATE 57P01)");
    let value = ServerError::parse(b"C22P02\0Minvalid input syntax: \"secret\"\0\0");
    assert!(!value.text().contains("secret"));
}

#[test]
fn what_is_no_frame_is_an_error_and_never_a_panic() {
    for body in [&b""[..], b"w", b"w12345678", b"k12345678", b"x"] {
        assert!(WalFrames::new(&frame(b'd', body)).next().is_err(), "{body:?}");
    }
    assert!(WalFrames::new(b"d\0\0\0\x03").next().is_err(), "shorter than its own length");
    assert!(WalFrames::new(b"d\xff\xff\xff\xff").next().is_err(), "longer than any message");
    assert!(WalFrames::new(&frame(b'Q', b"")).next().is_err());
    assert!(WalFrames::new(&frame(b'c', b"")).next().is_err(), "the end of the stream");
}

#[test]
fn names_and_texts_are_quoted() {
    assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    assert_eq!(literal("it's"), "'it''s'");
}
