//! The recording of two servers in the book, made again and compared.

use tests::Wire;
use tests::record::{POST, Tape, head};

#[path = "machines.rs"]
mod machines;

/// Says something as the page does: over a connection that any server may get.
fn say(tape: &Tape, key: &str, text: &str) -> Wire {
    let length = text.len().to_string();
    let places = [("path", "/sse/say"), ("host", tape.host()), ("length", &length), ("key", key)];
    let mut wire = tape.connect();
    wire.send(head(POST, &places) + text);
    let answer = wire.head();
    assert_eq!(answer.status, 201);
    wire.rest();
    wire
}

#[test]
fn the_recording_is_what_the_wire_says() {
    if !machines::is_installed("redis-server") {
        return;
    }
    let mut tape = Tape::start("scaleout", "scaleout", 8020, &[]);
    let control = machines::Control::of(&tape.demo);
    let mut page = tape.websocket("/frames/?tab=1f0e9c-frames&after=-0", "room");
    let ask = tape.expect("ask", "up", "request", "GET /frames/");
    tape.expect("switch", "down", "response", "101");
    tape.expect("", "down", "frame", "\"type\":\"here\"");
    let life = page.told("here")["life"].as_str().expect("a life").to_string();
    tape.pause(300);
    drop(say(&tape, "5d0c1f2e8a9b47c6d3e20001", "hello"));
    let say_head = tape.find("say", "up", "request", "POST /sse/say");
    let said = tape.find("said", "up", "body", "hello");
    tape.find("taken", "down", "response", "201");
    let heard = tape.find("heard", "down", "frame", "hello");
    page.told("message");
    tape.pause(400);
    // The server that has this listener is killed.
    let name = ["a", "b"]
        .into_iter()
        .find(|name| control.server(name)["tabs"].as_array().is_some_and(|tabs| !tabs.is_empty()));
    control.order("stop", name.expect("one of them has the listener"));
    tape.expect("killed", "down", "fin", "");
    page.end();
    drop(page);
    tape.pause(300);
    drop(say(&tape, "5d0c1f2e8a9b47c6d3e20002", "meanwhile"));
    tape.pause(300);
    let path = format!("/frames/?tab=1f0e9c-frames&after={life}-1");
    let mut page = tape.websocket(&path, "room");
    tape.expect("again", "up", "request", "GET /frames/");
    tape.expect("", "down", "response", "101");
    tape.expect("resumed", "down", "frame", "meanwhile");
    page.told("message");
    drop(page);
    tape.figure("ask", ask.number("size"));
    tape.figure("say", tape.message_size(&say_head));
    tape.figure("heard", heard.number("size"));
    tape.time("through_ms", Tape::between(&said, &heard));
    tape.finish();
}
