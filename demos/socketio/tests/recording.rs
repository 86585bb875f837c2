//! The recording of Socket.IO in the book, made again and compared.

use tests::Wire;
use tests::record::{FETCH, POST, Tape};
use tests::websocket::frame;

/// The id of the session, out of its open packet.
fn sid(open: &str) -> String {
    let rest = open.split("\"sid\":\"").nth(1).expect("an open packet has an id");
    rest.split('"').next().unwrap_or_default().to_string()
}

fn post(tape: &Tape, wire: &mut Wire, path: &str, packets: &str) {
    let head = tape.head(POST, path).replace("{length}", &packets.len().to_string());
    let lines: Vec<&str> =
        head.split("\r\n").filter(|line| !line.starts_with("Idempotency-Key")).collect();
    wire.send(lines.join("\r\n") + packets);
    assert_eq!(wire.answer().1, "ok");
}

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("socketio", "socketio", 8019, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FETCH, "/socket.io/?EIO=4&transport=polling&t=pqr1a2b3");
    let sid = sid(&page.answer().1);
    let ask = tape.expect("ask", "up", "request", "GET /socket.io/");
    tape.expect("open", "down", "body", "open {");
    tape.pause(300);
    let mut marks = (4..).map(|number| format!("pqr1a2b{number}")); // the client makes one for each request
    let mut path = || {
        let mark = marks.next().unwrap_or_default();
        format!("/socket.io/?EIO=4&transport=polling&t={mark}&sid={sid}")
    };
    post(&tape, &mut page, &path(), "40/room,{\"after\":\"-0\"}");
    tape.expect("connect", "up", "body", "CONNECT in /room");
    tape.send(&mut page, FETCH, &path());
    page.answer();
    tape.expect("joined", "down", "body", "CONNECT in /room");
    tape.pause(300);
    post(&tape, &mut page, &path(), "42/room,0[\"say\",\"hello\",\"k1\"]");
    let request = tape.expect("say", "up", "request", "POST");
    let said = tape.expect("said", "up", "body", "hello");
    let taken = tape.expect("taken", "down", "response", "200");
    tape.send(&mut page, FETCH, &path());
    page.answer();
    tape.expect("answer", "down", "body", "ACK in /room");
    tape.send(&mut page, FETCH, &path());
    page.answer();
    let heard = tape.expect("heard", "down", "body", "EVENT in /room");
    tape.pause(300);
    let mut socket = tape.websocket(&path().replace("polling", "websocket"), "");
    tape.find("switch", "down", "response", "101");
    socket.send(frame(0x81, "2probe"));
    tape.find("probe", "up", "frame", "ping probe");
    tape.find("probe-answer", "down", "frame", "pong probe");
    socket.frame();
    socket.send(frame(0x81, "5"));
    tape.find("upgrade", "up", "frame", "upgrade");
    tape.pause(300);
    socket.send(frame(0x81, "42/room,1[\"say\",\"hello\",\"k2\"]"));
    let again = tape.find("said-over-websocket", "up", "frame", "hello");
    tape.find("", "down", "frame", "EVENT in /room");
    tape.find("", "down", "frame", "ACK in /room");
    tape.loose();
    drop(page);
    drop(socket);
    tape.figure("ask", ask.number("size"));
    tape.figure("heard", heard.number("size"));
    tape.figure("post", tape.message_size(&request) + tape.message_size(&taken));
    tape.figure("say", said.number("size"));
    tape.figure("say_frame", again.number("size"));
    tape.finish();
}
