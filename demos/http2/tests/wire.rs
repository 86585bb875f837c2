//! What the server of HTTP/2 does, seen over a socket.

use std::process::Command;

use tests::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2, PING, PREFACE, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame,
};
use tests::websocket::{CLOSE, TEXT, frame as websocket_frame};
use tests::{Server, skipped, start, until};

// Error codes (RFC 9113, 7).
const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

#[test]
fn a_hundred_streams_share_one_connection_and_each_hears_what_is_said() {
    let demo = start("http2");
    let mut client = demo.http2();
    let streams: Vec<u32> = (0..99).map(|n| 2 * n + 1).collect();
    for &stream in &streams {
        client.get(stream, "/events");
    }
    client.settle();
    let said = demo.say("to all of them"); // over another connection
    let mut waiting = streams.clone();
    while !waiting.is_empty() {
        let heard = client.find(|frame| {
            frame.kind == DATA && String::from_utf8_lossy(&frame.payload).contains("to all")
        });
        let text = String::from_utf8_lossy(&heard.payload).into_owned();
        assert!(text.contains(&format!("-{}\n", said.id)), "an event has the message's id: {text}");
        waiting.retain(|stream| *stream != heard.stream);
    }
}

#[test]
fn a_stream_resumes_from_last_event_id_and_misses_nothing() {
    let demo = start("http2");
    let mut client = demo.http2();
    client.say(1, "one");
    client.get(3, "/events");
    let text = client.hears(3, "data: one");
    let id = text
        .split("id: ")
        .nth(1)
        .and_then(|rest| rest.split('\n').next())
        .expect("an event has an id")
        .to_string();
    client.frame(RST_STREAM, 0, 3, CANCEL.to_be_bytes());
    client.say(5, "two");
    client.ask(7, "GET", "/events", &[("last-event-id", &id)], END_STREAM);
    let text = client.hears(7, "data: two");
    assert!(!text.contains("data: one"), "{text}");
}

#[test]
fn a_websocket_runs_in_a_stream_beside_the_others() {
    let demo = start("http2");
    let mut client = demo.http2();
    let settings = client.until(SETTINGS, 0);
    let allows = settings.payload.chunks(6).any(|one| one == [0, 8, 0, 0, 0, 1]);
    assert!(allows, "SETTINGS_ENABLE_CONNECT_PROTOCOL is 1 (RFC 8441, 3): {settings:?}");
    client.get(1, "/events");
    let asked = [
        (":protocol", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "room"),
    ];
    client.ask(3, "CONNECT", "/room", &asked, 0);
    let opened = client.until(HEADERS, 3);
    assert_eq!(
        (opened.field(":status"), opened.field("sec-websocket-protocol")),
        (Some("200"), Some("room"))
    );
    assert_eq!(opened.flags & END_STREAM, 0);
    assert_eq!(opened.field("sec-websocket-accept"), None);
    client.frame(DATA, 0, 3, websocket_frame(TEXT, r#"{"type":"say","text":"hello","key":"k"}"#));
    client.hears(3, r#""text":"hello""#);
    // A frame of the WebSocket in two of HTTP/2, and one that is not masked.
    let ping = websocket_frame(0x89, "half");
    client.frame(DATA, 0, 3, &ping[..3]);
    client.frame(DATA, 0, 3, &ping[3..]);
    client.hears(3, "half");
    client.frame(DATA, 0, 3, [0x81, 1, b'x']);
    let end = client.find(|frame| {
        frame.stream == 3 && frame.kind == DATA && frame.payload.first() == Some(&CLOSE)
    });
    assert_eq!(end.payload[2..4], 1002_u16.to_be_bytes());
    assert_eq!(end.flags & END_STREAM, END_STREAM);
    demo.say("the other stream goes on");
    client.hears(1, "the other stream goes on");
}

#[test]
fn a_websocket_of_a_foreign_page_or_in_the_old_way_is_refused() {
    let demo = start("http2");
    let mut client = demo.http2();
    let asked = [
        (":protocol", "websocket"),
        ("sec-websocket-version", "13"),
        ("origin", "http://evil.example"),
    ];
    client.ask(1, "CONNECT", "/room", &asked, 0);
    assert_eq!(client.until(HEADERS, 1).field(":status"), Some("403"));
    client.ask(
        3,
        "CONNECT",
        "/room",
        &[(":protocol", "websocket"), ("sec-websocket-version", "12")],
        0,
    );
    assert_eq!(client.until(HEADERS, 3).field(":status"), Some("400"));
    client.get(5, "/room");
    assert_eq!(client.until(HEADERS, 5).field(":status"), Some("400"));
    client.frame(
        HEADERS,
        END_HEADERS,
        7,
        block(&[(":method", "CONNECT"), (":authority", &demo.h2c())]),
    );
    assert_eq!(client.until(HEADERS, 7).field(":status"), Some("501"));
}

#[test]
fn foreign_names_and_foreign_pages_are_refused_and_wrong_methods_are_told_the_right_ones() {
    let demo = start("http2");
    let mut client = demo.http2();
    let fields =
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "evil.example")];
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, block(&fields));
    assert_eq!(client.answer(1).0.field(":status"), Some("421"));
    client.ask(3, "POST", "/say", &[("origin", "https://evil.example")], END_STREAM);
    assert_eq!(client.answer(3).0.field(":status"), Some("403"));
    client.get(5, "/say");
    let (head, _) = client.answer(5);
    assert_eq!((head.field(":status"), head.field("allow")), (Some("405"), Some("POST")));
    client.get(7, "/nowhere");
    assert_eq!(client.answer(7).0.field(":status"), Some("404"));
    client.ask(9, "HEAD", "/", &[], END_STREAM);
    let (head, body) = client.answer(9);
    assert!(
        head.field("content-length").is_some_and(|length| length != "0") && body.is_empty(),
        "{head:?}"
    );
}

#[test]
fn the_second_answer_with_the_same_fields_takes_a_byte_for_each() {
    let demo = start("http2");
    let mut client = demo.http2();
    let mut length = |stream| {
        client.get(stream, "/nowhere");
        let head = client.until(HEADERS, stream);
        (head.fields.len(), head.payload.len())
    };
    let ((_, first), mut later) = (length(1), (0, 0));
    // The date is another one each second: then it is written out.
    until("an answer has the date of the one before it", || {
        static STREAM: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(3);
        later = length(STREAM.fetch_add(2, std::sync::atomic::Ordering::Relaxed));
        later.0 == later.1
    });
    assert!(first > 5 * later.1, "{first} bytes, then {}", later.1);
}

/// Flow control, downwards: what the window does not allow waits, and nothing else does.
#[test]
fn a_closed_window_holds_up_its_own_stream_and_no_other() {
    let demo = start("http2");
    let mut client = demo.silent_http2();
    client.send([PREFACE, &frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 10])].concat()); // each stream begins with 10 bytes
    client.get(1, "/");
    assert_eq!(client.until(DATA, 1).payload.len(), 10);
    client.get(3, "/");
    assert_eq!(client.until(DATA, 3).payload.len(), 10);
    client.frame(WINDOW_UPDATE, 0, 3, 7_u32.to_be_bytes());
    assert_eq!(client.until(DATA, 3).payload.len(), 7);
    client.frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 60]); // 50 more, for the streams that are open, too
    let (one, other) =
        (client.find(|frame| frame.kind == DATA), client.find(|frame| frame.kind == DATA));
    assert_eq!((one.payload.len(), other.payload.len()), (50, 50));
    assert_ne!(one.stream, other.stream);
    client.settle();
}

/// Flow control, upwards: what the server has read is given back, to the stream and to the connection.
#[test]
fn what_was_read_opens_the_window_again() {
    let demo = start("http2");
    let mut client = demo.http2();
    client.ask(1, "POST", "/say", &[], 0);
    client.frame(DATA, 0, 1, [b'x'; 400]);
    let sizes = [
        client.find(|frame| frame.kind == WINDOW_UPDATE),
        client.find(|frame| frame.kind == WINDOW_UPDATE),
    ];
    assert_eq!(
        sizes.each_ref().map(|update| (update.stream, update.number(0))),
        [(0, 400), (1, 400)]
    );
    client.frame(DATA, END_STREAM, 1, [b'x'; 400]);
    assert_eq!(client.answer(1).0.field(":status"), Some("201"));
    // A body that is not read is given back, too, or 64 KiB of them would be the end of the connection.
    for stream in (3..43).step_by(2) {
        client.ask(stream, "POST", "/nowhere", &[], 0);
        client.frame(DATA, END_STREAM, stream, [b'x'; 16_000]);
        client.until(HEADERS, stream);
        client.settle();
    }
    client.say(43, "still there");
}

/// What a violation is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// The connection ends with this code.
    GoAway(u32),
    /// One stream ends with this code, and the connection goes on.
    Reset(u32),
    /// Nothing: it is no violation.
    Nothing,
}
use Expect::{GoAway, Nothing, Reset};

/// Opens a connection, does this, and sees what comes of it.
fn check(demo: &Server, name: &str, expect: Expect, act: fn(&mut Http2)) {
    let mut client = demo.http2();
    client.until(SETTINGS, 0);
    act(&mut client);
    client.frame(PING, 0, 0, b"and now?");
    let is_answer = |frame: &tests::http2::Frame| match frame.kind {
        GOAWAY => true,
        RST_STREAM => frame.number(0) != NO_ERROR,
        PING => frame.payload == b"and now?",
        _ => false,
    };
    let answer = client.find(is_answer);
    let got = match answer.kind {
        GOAWAY => GoAway(answer.number(4)),
        RST_STREAM => Reset(answer.number(0)),
        _ => Nothing,
    };
    assert_eq!(got, expect, "{name}");
    match got {
        GoAway(_) => {
            assert!(client.try_next().is_none(), "{name}: the connection ends behind GOAWAY")
        }
        Reset(_) => drop(client.find(|frame| frame.kind == PING && frame.payload == b"and now?")),
        Nothing => {}
    }
}

fn request<'a>(more: &[(&'a str, &'a str)]) -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/events"),
        (":authority", "127.0.0.1"),
    ];
    block(&[&fields[..], more].concat())
}

/// Sends a request of these fields.
fn ask(client: &mut Http2, fields: &[(&str, &str)]) {
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields));
}

/// Asks for events on stream 1, with one more field.
fn with(client: &mut Http2, more: &[(&str, &str)]) {
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, request(more));
}

/// Begins to say something on stream 1, which stays open.
fn begin(client: &mut Http2, more: &[(&str, &str)]) {
    client.ask(1, "POST", "/say", more, 0);
}

/// A violation: its section and words, what must come of it, and how it is done.
type Case = (&'static str, Expect, fn(&mut Http2));

fn all_are_answered(cases: &[Case]) {
    let demo = start("http2");
    for (name, expect, act) in cases {
        check(&demo, name, *expect, *act);
    }
    demo.lives_on();
}

/// The names of the sections are those of the conformance suite h2spec, which checks RFC 7540 and RFC 7541.
#[test]
fn frames_and_settings_are_checked_as_h2spec_does_in_4_and_6() {
    all_are_answered(&[
        ("4.1 an unknown type is ignored", Nothing, |c| c.frame(0xee, 0xff, 1, [1, 2, 3])),
        ("4.1 undefined flags are ignored", Nothing, |c| c.frame(PING, 0x16, 0, [0; 8])),
        ("4.1 the reserved bit is ignored", Nothing, |c| {
            c.frame(PRIORITY, 0, 0x8000_0001, [0, 0, 0, 3, 1])
        }),
        ("4.2 DATA of 16,384 bytes", Nothing, |c| {
            begin(c, &[]);
            c.frame(DATA, 0, 1, [b'x'; 16_384]);
        }),
        ("4.2 DATA that is too long", GoAway(FRAME_SIZE_ERROR), |c| {
            begin(c, &[]);
            c.frame(DATA, 0, 1, [0; 16_385]);
        }),
        ("4.2 HEADERS that are too long", GoAway(FRAME_SIZE_ERROR), |c| {
            c.frame(HEADERS, 5, 1, [0; 16_385])
        }),
        ("5.5 unknown settings are ignored", Nothing, |c| {
            c.frame(SETTINGS, 0, 0, [0, 0x99, 0, 0, 0, 1])
        }),
        ("6.1 DATA on stream 0", GoAway(PROTOCOL_ERROR), |c| c.frame(DATA, 1, 0, "x")),
        ("6.1 padding longer than the payload", GoAway(PROTOCOL_ERROR), |c| {
            begin(c, &[]);
            c.frame(DATA, 9, 1, [5, b'x', 0, 0]);
        }),
        ("6.2 HEADERS on stream 0", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(HEADERS, 5, 0, request(&[]))
        }),
        ("6.2 HEADERS whose padding is too long", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(HEADERS, 0xd, 1, [9, 0x82, 0])
        }),
        ("6.2 HEADERS inside of a block", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(HEADERS, 1, 1, request(&[]));
            c.frame(HEADERS, 5, 3, request(&[]));
        }),
        ("6.3 PRIORITY on stream 0", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(PRIORITY, 0, 0, [0, 0, 0, 1, 1])
        }),
        ("6.3 PRIORITY of four bytes", Reset(FRAME_SIZE_ERROR), |c| {
            c.get(1, "/events");
            c.frame(PRIORITY, 0, 1, [0, 0, 0, 3]);
        }),
        ("5.3.1 HEADERS that depend on themselves", Reset(PROTOCOL_ERROR), |c| {
            c.frame(HEADERS, 0x25, 1, [&[0, 0, 0, 1, 9][..], &request(&[])].concat());
        }),
        ("5.3.1 PRIORITY that depends on itself", Reset(PROTOCOL_ERROR), |c| {
            c.frame(PRIORITY, 0, 1, [0, 0, 0, 1, 9])
        }),
        ("6.4 RST_STREAM on stream 0", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(RST_STREAM, 0, 0, [0, 0, 0, 8])
        }),
        ("6.4 RST_STREAM on an idle stream", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(RST_STREAM, 0, 1, [0, 0, 0, 8])
        }),
        ("6.4 RST_STREAM of three bytes", GoAway(FRAME_SIZE_ERROR), |c| {
            c.get(1, "/events");
            c.frame(RST_STREAM, 0, 1, [0, 0, 8]);
        }),
        ("6.5 an acknowledgement with content", GoAway(FRAME_SIZE_ERROR), |c| {
            c.frame(SETTINGS, 1, 0, [0; 6])
        }),
        ("6.5 SETTINGS on a stream", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(SETTINGS, 0, 1, [0, 3, 0, 0, 0, 100])
        }),
        ("6.5 SETTINGS of three bytes", GoAway(FRAME_SIZE_ERROR), |c| {
            c.frame(SETTINGS, 0, 0, [0, 3, 0])
        }),
        ("6.5.2 ENABLE_PUSH 2", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(SETTINGS, 0, 0, [0, 2, 0, 0, 0, 2])
        }),
        ("6.5.2 INITIAL_WINDOW_SIZE 2^31", GoAway(FLOW_CONTROL_ERROR), |c| {
            c.frame(SETTINGS, 0, 0, [0, 4, 0x80, 0, 0, 0])
        }),
        ("6.5.2 MAX_FRAME_SIZE 16,383", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(SETTINGS, 0, 0, [0, 5, 0, 0, 0x3f, 0xff])
        }),
        ("6.5.2 MAX_FRAME_SIZE 2^24", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(SETTINGS, 0, 0, [0, 5, 1, 0, 0, 0])
        }),
        ("RFC 8441, 3: ENABLE_CONNECT_PROTOCOL 2", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(SETTINGS, 0, 0, [0, 8, 0, 0, 0, 2])
        }),
        ("6.5.3 each SETTINGS frame is acknowledged", Nothing, |c| {
            c.frame(SETTINGS, 0, 0, [0, 3, 0, 0, 0, 100]);
            let acks = [c.until(SETTINGS, 0), c.until(SETTINGS, 0)];
            assert!(acks.iter().all(|ack| ack.flags == 1 && ack.payload.is_empty()), "{acks:?}");
        }),
        ("6.6 a client that pushes", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(5, 4, 1, [&[0, 0, 0, 2], &request(&[])[..]].concat())
        }),
        ("6.7 PING comes back", Nothing, |c| {
            c.frame(PING, 0, 0, b"deadbeef");
            assert_eq!(c.until(PING, 0).payload, b"deadbeef");
        }),
        ("6.7 the answer to a PING is not answered", Nothing, |c| {
            c.frame(PING, 1, 0, b"and now?".map(|b| b ^ 1))
        }),
        ("6.7 PING on a stream", GoAway(PROTOCOL_ERROR), |c| c.frame(PING, 0, 1, [0; 8])),
        ("6.7 PING of six bytes", GoAway(FRAME_SIZE_ERROR), |c| c.frame(PING, 0, 0, [0; 6])),
        ("6.8 GOAWAY on a stream", GoAway(PROTOCOL_ERROR), |c| c.frame(GOAWAY, 0, 1, [0; 8])),
        ("6.8 GOAWAY of seven bytes", GoAway(FRAME_SIZE_ERROR), |c| c.frame(GOAWAY, 0, 0, [0; 7])),
        ("6.9 WINDOW_UPDATE 0", GoAway(PROTOCOL_ERROR), |c| c.frame(WINDOW_UPDATE, 0, 0, [0; 4])),
        ("6.9 WINDOW_UPDATE 0 on a stream", Reset(PROTOCOL_ERROR), |c| {
            c.get(1, "/events");
            c.frame(WINDOW_UPDATE, 0, 1, [0; 4]);
        }),
        ("6.9 WINDOW_UPDATE of three bytes", GoAway(FRAME_SIZE_ERROR), |c| {
            c.frame(WINDOW_UPDATE, 0, 0, [0, 0, 1])
        }),
        ("6.9.1 a window over 2^31 - 1", GoAway(FLOW_CONTROL_ERROR), |c| {
            c.frame(WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff]);
        }),
        ("6.9.1 a stream's window over 2^31 - 1", Reset(FLOW_CONTROL_ERROR), |c| {
            c.get(1, "/events");
            c.frame(WINDOW_UPDATE, 0, 1, [0x7f, 0xff, 0xff, 0xff]);
        }),
        ("6.9.2 SETTINGS that make a window too large", GoAway(FLOW_CONTROL_ERROR), |c| {
            c.get(1, "/events");
            c.frame(WINDOW_UPDATE, 0, 1, [0, 1, 0, 0]); // more than has been sent meanwhile
            c.frame(SETTINGS, 0, 0, [0, 4, 0x7f, 0xff, 0xff, 0xff]);
        }),
        ("6.10 CONTINUATION of several frames", Nothing, |c| {
            let block = request(&[("a", "b")]);
            c.frame(HEADERS, 1, 1, &block[..9]);
            c.frame(CONTINUATION, 0, 1, &block[9..20]);
            c.frame(CONTINUATION, 4, 1, &block[20..]);
            c.until(HEADERS, 1);
        }),
        ("6.10 CONTINUATION of nothing", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(CONTINUATION, 4, 1, [0x82])
        }),
        ("6.10 DATA inside of a block", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(HEADERS, 1, 1, request(&[]));
            c.frame(DATA, 0, 1, "x");
        }),
        ("6.10 CONTINUATION on another stream", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(HEADERS, 1, 1, request(&[]));
            c.frame(CONTINUATION, 4, 3, [0x82]);
        }),
        ("6.10 CONTINUATION on stream 0", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(CONTINUATION, 4, 0, [0x82])
        }),
        ("7 an unknown error code is taken", Nothing, |c| {
            c.get(1, "/events");
            c.frame(RST_STREAM, 0, 1, [0, 0, 0, 0xff]);
        }),
    ]);
}

#[test]
fn the_states_of_a_stream_are_kept_as_h2spec_checks_them_in_5_1() {
    all_are_answered(&[
        ("5.1 idle: DATA", GoAway(PROTOCOL_ERROR), |c| c.frame(DATA, 1, 1, "x")),
        ("5.1 idle: WINDOW_UPDATE", GoAway(PROTOCOL_ERROR), |c| {
            c.frame(WINDOW_UPDATE, 0, 1, [0, 0, 0, 9])
        }),
        ("5.1 idle: PRIORITY", Nothing, |c| c.frame(PRIORITY, 0, 1, [0, 0, 0, 3, 9])),
        ("5.1 half-closed: DATA", Reset(STREAM_CLOSED), |c| {
            c.get(1, "/events");
            c.frame(DATA, 1, 1, "x");
        }),
        ("5.1 half-closed: HEADERS", Reset(STREAM_CLOSED), |c| {
            c.get(1, "/events");
            c.get(1, "/events");
        }),
        ("5.1 half-closed: CONTINUATION", GoAway(PROTOCOL_ERROR), |c| {
            c.get(1, "/events");
            c.frame(CONTINUATION, 4, 1, request(&[]));
        }),
        ("5.1 half-closed: WINDOW_UPDATE, PRIORITY", Nothing, |c| {
            c.get(1, "/events");
            c.frame(WINDOW_UPDATE, 0, 1, [0, 1, 0, 0]); // more than has been sent meanwhile
            c.frame(PRIORITY, 0, 1, [0, 0, 0, 3, 9]);
        }),
        ("5.1 closed by RST_STREAM: DATA", GoAway(STREAM_CLOSED), |c| {
            begin(c, &[]);
            c.frame(RST_STREAM, 0, 1, [0, 0, 0, 8]);
            c.frame(DATA, 1, 1, "x");
        }),
        ("5.1 closed by RST_STREAM: HEADERS", GoAway(STREAM_CLOSED), |c| {
            c.get(1, "/events");
            c.frame(RST_STREAM, 0, 1, [0, 0, 0, 8]);
            c.get(1, "/events");
        }),
        ("5.1 closed by both: HEADERS", GoAway(STREAM_CLOSED), |c| {
            c.get(1, "/nowhere");
            c.answer(1);
            c.get(1, "/nowhere");
        }),
        ("5.1 closed by both: DATA", GoAway(STREAM_CLOSED), |c| {
            c.get(1, "/nowhere");
            c.answer(1);
            c.frame(DATA, 1, 1, "x");
        }),
        ("5.1 closed by both: WINDOW_UPDATE, RST_STREAM, PRIORITY", Nothing, |c| {
            c.get(1, "/nowhere");
            c.answer(1);
            c.frame(WINDOW_UPDATE, 0, 1, [0, 1, 0, 0]); // more than has been sent meanwhile
            c.frame(RST_STREAM, 0, 1, [0, 0, 0, 8]);
            c.frame(PRIORITY, 0, 1, [0, 0, 0, 3, 9]);
        }),
        ("5.1 closed by us: what was on its way is ignored", Nothing, |c| {
            c.ask(1, "POST", "/nowhere", &[], 0);
            c.until(RST_STREAM, 1); // the body is not read
            c.frame(DATA, 0, 1, "x");
            c.frame(HEADERS, 5, 1, block(&[("a", "b")]));
        }),
        ("5.1.1 an even number", GoAway(PROTOCOL_ERROR), |c| c.get(2, "/events")),
        ("5.1.1 a smaller number", GoAway(PROTOCOL_ERROR), |c| {
            c.get(5, "/events");
            c.get(3, "/events");
        }),
        ("5.1.2 one stream more than 100", Reset(REFUSED_STREAM), |c| {
            (0..101).for_each(|n| c.get(2 * n + 1, "/events"));
        }),
        ("6.9.1 more DATA than the windows allow", GoAway(FLOW_CONTROL_ERROR), |c| {
            c.ask(1, "GET", "/events", &[], 0); // a body is not read there
            c.send(frame(DATA, 0, 1, [b'x'; 16_384]).repeat(4)); // 65,536 bytes: one more than the window
        }),
    ]);
}

#[test]
fn a_malformed_request_resets_its_stream_as_h2spec_checks_it_in_8_1() {
    all_are_answered(&[
        ("8.1 trailers without END_STREAM", Reset(PROTOCOL_ERROR), |c| {
            begin(c, &[]);
            c.frame(HEADERS, 4, 1, block(&[("a", "b")]));
        }),
        ("8.1 trailers", Nothing, |c| {
            begin(c, &[]);
            c.frame(DATA, 0, 1, "x");
            c.frame(HEADERS, 5, 1, block(&[("a", "b")]));
            assert_eq!(c.answer(1).0.field(":status"), Some("201"));
        }),
        ("8.1.2 a name in capitals", Reset(PROTOCOL_ERROR), |c| with(c, &[("X-TEST", "ok")])),
        ("8.1.2.1 an unknown field with a colon", Reset(PROTOCOL_ERROR), |c| {
            with(c, &[(":test", "ok")])
        }),
        ("8.1.2.1 a field of answers", Reset(PROTOCOL_ERROR), |c| with(c, &[(":status", "200")])),
        ("8.1.2.1 a colon in trailers", Reset(PROTOCOL_ERROR), |c| {
            begin(c, &[]);
            c.frame(HEADERS, 5, 1, block(&[(":method", "GET")]));
        }),
        ("8.1.2.1 a colon behind the others", Reset(PROTOCOL_ERROR), |c| {
            ask(
                c,
                &[
                    (":method", "GET"),
                    (":scheme", "http"),
                    ("a", "b"),
                    (":path", "/"),
                    (":authority", "127.0.0.1"),
                ],
            );
        }),
        ("8.1.2.2 connection", Reset(PROTOCOL_ERROR), |c| with(c, &[("connection", "keep-alive")])),
        ("8.1.2.2 te: gzip", Reset(PROTOCOL_ERROR), |c| with(c, &[("te", "trailers, deflate")])),
        ("8.1.2.2 te: trailers", Nothing, |c| with(c, &[("te", "trailers")])),
        ("8.1.2.2 transfer-encoding", Reset(PROTOCOL_ERROR), |c| {
            with(c, &[("transfer-encoding", "chunked")])
        }),
        ("8.1.2.3 an empty path", Reset(PROTOCOL_ERROR), |c| {
            ask(
                c,
                &[
                    (":method", "GET"),
                    (":scheme", "http"),
                    (":path", ""),
                    (":authority", "127.0.0.1"),
                ],
            );
        }),
        ("8.1.2.3 no method", Reset(PROTOCOL_ERROR), |c| {
            ask(c, &[(":scheme", "http"), (":path", "/")])
        }),
        ("8.1.2.3 no scheme", Reset(PROTOCOL_ERROR), |c| {
            ask(c, &[(":method", "GET"), (":path", "/")])
        }),
        ("8.1.2.3 no path", Reset(PROTOCOL_ERROR), |c| {
            ask(c, &[(":method", "GET"), (":scheme", "http")])
        }),
        ("8.1.2.3 two methods", Reset(PROTOCOL_ERROR), |c| {
            ask(c, &[(":method", "GET"), (":method", "GET"), (":scheme", "http"), (":path", "/")]);
        }),
        ("8.1.2.3 two paths", Reset(PROTOCOL_ERROR), |c| {
            ask(c, &[(":method", "GET"), (":path", "/"), (":scheme", "http"), (":path", "/")]);
        }),
        ("8.1.2.6 a body shorter than content-length", Reset(PROTOCOL_ERROR), |c| {
            begin(c, &[("content-length", "9")]);
            c.frame(DATA, 1, 1, "four");
        }),
        ("8.1.2.6 two DATA frames longer than it", Reset(PROTOCOL_ERROR), |c| {
            begin(c, &[("content-length", "5")]);
            c.frame(DATA, 0, 1, "four");
            c.frame(DATA, 1, 1, "four");
        }),
        ("8.2.1 a line break in a value", Reset(PROTOCOL_ERROR), |c| {
            with(c, &[("a", "b\r\nc: d")])
        }),
        ("8.3.1 host and :authority differ", Reset(PROTOCOL_ERROR), |c| {
            with(c, &[("host", "localhost")])
        }),
        ("RFC 8441, 4: :protocol without CONNECT", Reset(PROTOCOL_ERROR), |c| {
            ask(
                c,
                &[
                    (":method", "GET"),
                    (":scheme", "http"),
                    (":path", "/room"),
                    (":authority", "127.0.0.1"),
                    (":protocol", "websocket"),
                ],
            );
        }),
        ("8.5 CONNECT with a path", Reset(PROTOCOL_ERROR), |c| {
            ask(c, &[(":method", "CONNECT"), (":path", "/"), (":authority", "127.0.0.1")]);
        }),
    ]);
}

#[test]
fn header_blocks_are_unpacked_as_h2spec_checks_hpack() {
    const COMPRESSION: Expect = GoAway(COMPRESSION_ERROR);
    all_are_answered(&[
        ("hpack 2.3.3 an index without a field", COMPRESSION, |c| {
            c.frame(HEADERS, 5, 1, [&request(&[])[..], &[0xc6]].concat())
        }),
        ("hpack 2.3.3 a name without a field", COMPRESSION, |c| {
            c.frame(HEADERS, 5, 1, [&request(&[])[..], &[0x7f, 9, 1, 97]].concat())
        }),
        ("hpack 4.2 a table size at the end", COMPRESSION, |c| {
            c.frame(HEADERS, 5, 1, [&request(&[])[..], &[0x21]].concat())
        }),
        ("hpack 5.2 padding of more than 7 bits", COMPRESSION, |c| {
            let code = [0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x84, 0x49, 0x50, 0x9f, 0xff];
            c.frame(HEADERS, 5, 1, [&request(&[])[..], &code].concat());
        }),
        ("hpack 5.2 padding of zeros", COMPRESSION, |c| {
            let code = [0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x83, 0x49, 0x50, 0x90];
            c.frame(HEADERS, 5, 1, [&request(&[])[..], &code].concat());
        }),
        ("hpack 5.2 the end of a string inside of it", COMPRESSION, |c| {
            let code = [
                0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff, 0x87, 0x49, 0x51, 0xff, 0xff, 0xff, 0xfa,
                0x7f,
            ];
            c.frame(HEADERS, 5, 1, [&request(&[])[..], &code].concat());
        }),
        ("hpack 6.1 index 0", COMPRESSION, |c| {
            c.frame(HEADERS, 5, 1, [&request(&[])[..], &[0x80]].concat())
        }),
        ("hpack 6.3 a table larger than allowed", COMPRESSION, |c| {
            c.frame(HEADERS, 5, 1, [0x3f, 0xe2, 0x1f])
        }),
        ("4.3 half a block", COMPRESSION, |c| c.frame(HEADERS, 5, 1, &request(&[])[..20])),
        ("4.3 what is packed on one stream is known on the next", Nothing, |c| {
            c.frame(HEADERS, 5, 1, [0x82, 0x86, 0x84, 0x41, 9, 49, 50, 55, 46, 48, 46, 48, 46, 49]);
            c.frame(HEADERS, 5, 3, [0x82, 0x86, 0x84, 0xbe]);
            assert_eq!(c.until(HEADERS, 3).field(":status"), Some("200"));
        }),
    ]);
}

#[test]
fn what_is_no_preface_is_told_so() {
    let demo = start("http2");
    let mut client = demo.silent_http2();
    client.send(PREFACE.to_ascii_lowercase());
    assert_eq!(client.until(GOAWAY, 0).number(4), PROTOCOL_ERROR);
    let mut client = demo.silent_http2();
    client.send([PREFACE, &frame(PING, 0, 0, [0; 8])].concat());
    assert_eq!(client.until(GOAWAY, 0).number(4), PROTOCOL_ERROR, "SETTINGS come first");
    let mut old = tests::Wire::connect(&demo.h2c());
    old.get("/");
    assert_eq!(old.any_head().status, 505);
    demo.lives_on();
}

/// Floods: each is ended, and another client does not notice.
#[test]
fn every_known_flood_ends_its_connection_and_no_other() {
    let demo = start("http2");
    let mut bystander = demo.http2();
    bystander.get(1, "/events");
    let rapid_reset = |n: u32| {
        let stream = 2 * n + 1;
        [frame(HEADERS, 5, stream, request(&[])), frame(RST_STREAM, 0, stream, [0, 0, 0, 8])]
            .concat()
    };
    let begun = frame(HEADERS, 1, 1, []);
    let body = [frame(HEADERS, 4, 1, request(&[]))].concat();
    // A stream that the server has to reset, again and again.
    let made_you_reset = |n: u32| {
        let stream = 2 * n + 1;
        [frame(HEADERS, 5, stream, request(&[])), frame(WINDOW_UPDATE, 0, stream, [0; 4])].concat()
    };
    let bomb = [frame(
        HEADERS,
        5,
        1,
        [&request(&[])[..], &[0x40, 1, b'x', 0x7f, 0xbd, 0x1e], &[b'b'; 4_028]].concat(),
    )];
    let floods: [(&str, Vec<u8>); 8] = [
        ("rapid reset", (0..400).flat_map(rapid_reset).collect()),
        ("made you reset", (0..400).flat_map(made_you_reset).collect()),
        ("CONTINUATION", [begun.clone(), frame(CONTINUATION, 0, 1, []).repeat(400)].concat()),
        ("a long block", [begun, frame(CONTINUATION, 0, 1, [0; 16_000]).repeat(3)].concat()),
        ("SETTINGS", frame(SETTINGS, 0, 0, []).repeat(400)),
        ("PING", frame(PING, 0, 0, [0; 8]).repeat(400)),
        ("empty DATA", [body, frame(DATA, 0, 1, []).repeat(400)].concat()),
        ("an HPACK bomb", [bomb.concat(), frame(HEADERS, 5, 3, [0xbe; 10_000])].concat()),
    ];
    for (name, flood) in floods {
        let mut client = demo.http2();
        client.send(flood);
        let end = client.find(|frame| frame.kind == GOAWAY);
        assert_eq!(end.number(4), ENHANCE_YOUR_CALM, "{name}");
        assert!(client.try_next().is_none(), "{name}");
    }
    demo.say("undisturbed");
    bystander.hears(1, "undisturbed");
}

/// What a program of others says; `None`, and a word on the terminal, when it is not here.
fn program(name: &str, words: &[&str]) -> Option<String> {
    let output = match Command::new(name).args(words).output() {
        Ok(output) => output,
        Err(error) => {
            skipped(&format!("{name} does not start: {error}; tests/setup.sh installs it"));
            return None;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{name} {words:?} fails: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(text)
}

#[test]
fn curl_speaks_with_it() {
    let Some(can) = program("curl", &["--version"]) else { return };
    if !can.contains("HTTP2") {
        return skipped("this curl was built without HTTP/2");
    }
    let demo = start("http2");
    let say = format!("http://{}/say", demo.h2c());
    let words = [
        "-sS",
        "--http2-prior-knowledge",
        "-w",
        "%{http_version} %{http_code}",
        "-d",
        "hello",
        &say,
    ];
    let said = program("curl", &words).unwrap_or_default();
    assert!(said.ends_with("2 201") && said.contains("\"hello\""), "{said}");
}

#[test]
fn nghttp_speaks_with_it() {
    let demo = start("http2");
    let host = demo.h2c();
    let (page, connection) = (format!("http://{host}/"), format!("http://{host}/connection"));
    let Some(told) = program("nghttp", &["-v", &connection, &page]) else { return };
    assert!(told.contains("recv SETTINGS frame"), "{told}");
    assert_eq!(told.matches(":status: 200").count(), 2, "{told}");
}
