//! The tables of requests, put to the parser that the front door and the wire view stand on.

mod cases;

use cases::cases;
use dissect::http::{Malformed, MessageFramer, MessageKind, MessagePart};

/// Reads a stream in pieces of this size: how many requests it was, or why it is none, and at which byte that was clear.
fn read(stream: &[u8], size: usize) -> Result<u64, (Malformed, usize)> {
    let mut framer = MessageFramer::new(MessageKind::Request);
    let mut at = 0;
    for piece in stream.chunks(size) {
        let mut rest = piece;
        while !rest.is_empty() {
            let (taken, _) = framer.step(rest).map_err(|malformed| (malformed, at + framer.reached()))?;
            (rest, at) = (&rest[taken..], at + taken);
        }
    }
    assert!(framer.between_messages(), "a request is not over: {}", stream.escape_ascii());
    Ok(framer.messages())
}

fn put_to_the_parser(table: &str) {
    for (expected, request) in cases(table) {
        let result = read(&request, request.len());
        let status = result.as_ref().map_or_else(|(malformed, _)| malformed.status, |_| 200);
        assert_eq!(status, expected, "{}: {result:?}", request.escape_ascii());
        assert!(result.as_ref().map_or(true, |requests| *requests == 1), "{}", request.escape_ascii());
        for size in 1..request.len() {
            assert_eq!(read(&request, size), result, "reads of {size} bytes: {}", request.escape_ascii());
        }
    }
}

#[test]
fn a_request_head_that_two_programs_could_read_differently_is_refused() {
    put_to_the_parser(include_str!("request_heads.txt"));
}

#[test]
fn a_body_that_two_programs_could_end_differently_is_refused() {
    put_to_the_parser(include_str!("request_bodies.txt"));
}

#[test]
fn a_line_over_its_limit_is_refused_before_it_ends() {
    use dissect::http::MAX_HEAD;
    let status = |stream: String| read(stream.as_bytes(), 1000).expect_err("should have been refused").0.status;
    assert_eq!(status(format!("GET /{}", "x".repeat(MAX_HEAD))), 414);
    assert_eq!(status(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD))), 431);
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(status(format!("{chunked}5;{}", "x".repeat(2000))), 400);
    assert_eq!(status(format!("{chunked}0\r\n{}", "T: 1\r\n".repeat(MAX_HEAD))), 431);
}

#[test]
fn a_line_feed_alone_is_refused_at_once_and_not_when_the_head_is_whole() {
    let why = read(b"GET / HTTP/1.1\n\n", 100).expect_err("should have been refused").0.why;
    assert_eq!(why, "A line ends with LF alone; it has to be CR LF.");
}

#[test]
fn a_whole_request_can_be_gathered_from_its_parts() {
    let stream = b"POST /say HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n\r\n";
    let mut framer = MessageFramer::new(MessageKind::Request);
    let (mut target, mut body, mut sizes, mut trailers, mut ended) = (String::new(), Vec::new(), vec![], vec![], false);
    let mut rest = &stream[..];
    while !rest.is_empty() {
        let (taken, part) = framer.step(rest).unwrap();
        match part {
            MessagePart::Head(head) => target = head.target().to_string(),
            MessagePart::Body | MessagePart::ChunkData => body.extend_from_slice(&rest[..taken]),
            MessagePart::ChunkSize(size) => sizes.push(size),
            MessagePart::TrailerField(name, value) => trailers.push((name, value)),
            MessagePart::TrailerEnd => ended = true,
            _ => {}
        }
        rest = &rest[taken..];
    }
    assert_eq!((target.as_str(), &*body, &*sizes, ended), ("/say", &b"hello"[..], &[3, 2, 0][..], true));
    assert_eq!(trailers, [("T".to_string(), "1".to_string())]);
}
