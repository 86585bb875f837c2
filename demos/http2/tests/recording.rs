//! The recording of HTTP/2 in the book, made again and compared.

use ringline_h2::HeaderField;
use ringline_h2::hpack::Encoder;
use tests::http2::{
    DATA, END_HEADERS, END_STREAM, HEADERS, Http2, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame,
};
use tests::record::{EVENT_SOURCE, Tape};
use tests::websocket::{TEXT, frame as websocket_frame};
use tests::{Row, Wire};

/// What Chromium says first: SETTINGS, and a larger window for the connection.
fn hello() -> Vec<u8> {
    let settings: [(u16, u32); 4] = [(1, 65_536), (2, 0), (4, 6_291_456), (6, 262_144)];
    let payload: Vec<u8> = settings
        .iter()
        .flat_map(|(n, value)| [&n.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    let window = frame(WINDOW_UPDATE, 0, 0, 15_663_105_u32.to_be_bytes());
    [PREFACE, &frame(SETTINGS, 0, 0, payload), &window].concat()
}

/// The head that Chromium sends for an `EventSource`, as HTTP/2 has it: a first line in four fields, names in small letters.
fn request(tape: &Tape, method: &str, path: &str, more: &[(&str, &str)]) -> Vec<HeaderField> {
    let head = tape.head(EVENT_SOURCE, path);
    let first =
        [(":method", method), (":authority", tape.host()), (":scheme", "https"), (":path", path)];
    let mut fields: Vec<HeaderField> =
        first.iter().chain(more).map(|(name, value)| HeaderField::new(*name, *value)).collect();
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        let name = name.to_ascii_lowercase();
        if !["host", "connection"].contains(&name.as_str()) {
            fields.push(HeaderField::new(name, value));
        }
    }
    fields
}

fn ask(wire: &mut Wire, packer: &mut Encoder, stream: u32, fields: &[HeaderField], flags: u8) {
    let mut block = Vec::new();
    packer.encode(fields, &mut block);
    wire.send(frame(HEADERS, END_HEADERS | flags, stream, block));
}

/// The number behind these words in a row's meaning.
fn number(row: &Row, behind: &str) -> u64 {
    let rest = row.text("mean").split(behind).nth(1).unwrap_or_default();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{} has a number behind {behind:?}", row.text("mean")))
}

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("http2", "http2", 8018, &[]);
    let mut page = tape.connect_beside("h2c");
    let mut packer = Encoder::new(4_096);
    page.send(hello());
    tape.expect("hello", "up", "frame", "SETTINGS");
    tape.expect("settings", "down", "frame", "ENABLE_CONNECT_PROTOCOL 1");
    tape.expect("", "down", "frame", "acknowledged");
    page.send(frame(SETTINGS, 1, 0, []));
    tape.pause(300);
    ask(&mut page, &mut packer, 1, &request(&tape, "GET", "/events?after=-0", &[]), END_STREAM);
    let first = tape.expect("first", "up", "request", "stream 1");
    tape.expect("", "down", "body", "event: stream");
    tape.pause(300);
    ask(&mut page, &mut packer, 3, &request(&tape, "GET", "/events?after=newest", &[]), END_STREAM);
    let second = tape.expect("second", "up", "request", "stream 3");
    let answer = tape.expect("", "down", "response", "stream 3");
    tape.expect("", "down", "body", "event: stream");
    tape.pause(300);
    // Someone else says something.
    let host = tape.host().to_string();
    let mut other = Http2::new(tape.connect_beside("h2c"), &host);
    other.send([PREFACE, &frame(SETTINGS, 0, 0, [])].concat());
    other.say(1, "hello");
    drop(other);
    let heard = tape.expect("heard", "down", "body", "event: message");
    tape.find("", "down", "body", "event: message");
    tape.pause(300);
    let connect = [(":protocol", "websocket")];
    let more = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "room")];
    let mut fields = request(&tape, "CONNECT", "/room?after=-1", &connect);
    fields.extend(more.iter().map(|(name, value)| HeaderField::new(*name, *value)));
    ask(&mut page, &mut packer, 5, &fields, 0);
    tape.expect("connect", "up", "request", "for a WebSocket");
    tape.expect("accepted", "down", "response", "200, stream 5");
    tape.expect("", "down", "body", "\"type\":\"here\"");
    page.send(frame(DATA, 0, 5, websocket_frame(TEXT, r#"{"type":"nod"}"#)));
    tape.expect("inside", "up", "body", "masked");
    tape.expect("", "down", "body", "refused");
    tape.pause(300);
    page.send(frame(RST_STREAM, 0, 3, 8_u32.to_be_bytes()));
    tape.expect("cancel", "up", "frame", "CANCEL");
    // A violation that ends one stream, and one that ends the connection.
    page.send(frame(WINDOW_UPDATE, 0, 5, [0; 4]));
    tape.expect("reset", "down", "frame", "PROTOCOL_ERROR");
    page.send(frame(DATA, 0, 0, "x"));
    tape.expect("goodbye", "down", "frame", "GOAWAY");
    page.end();
    drop(page);
    tape.figure("fields", number(&first, "the end; "));
    tape.figure("first", number(&first, "fields in "));
    tape.figure("second", number(&second, "fields in "));
    tape.figure("plain", number(&first, "plain: "));
    tape.figure("plain_second", number(&second, "plain: "));
    tape.figure("answer", answer.number("size"));
    tape.figure("heard", heard.number("size"));
    tape.finish();
}
