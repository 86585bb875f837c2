//! The recording of the heartbeat in the book, made again and compared.

use tests::record::Tape;
use tests::websocket::frame;

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("heartbeat", "heartbeat", 8012, &[]);
    let mut page = tape.websocket("/?after=0&tab=one&every=3&patience=9", "room");
    tape.expect("", "down", "response", "101");
    let ping = tape.expect("ping", "down", "frame", "ping");
    page.send(frame(0x8a, 1u64.to_be_bytes()));
    let pong = tape.expect("pong", "up", "frame", "pong");
    tape.expect("", "down", "frame", "ping");
    page.send(frame(0x8a, 2u64.to_be_bytes()));
    page.send(frame(0x81, br#"{"type":"beat","sent":1000}"#));
    let beat = tape.expect("beat", "up", "frame", "beat");
    let back = tape.expect("beat-back", "down", "frame", "beat");
    // Now the cable is out.
    let cable = tape.demo.bench();
    let number = cable.number_of(&page);
    cable.cable_of(number, "cut");
    tape.loose();
    let end = tape.expect("given-up", "down", "fin", "");
    cable.cable("repair");
    drop(page);
    tape.time("noticed_s", (Tape::between(&beat, &end) / 100.0).round() / 10.0);
    tape.figure("ping", ping.number("size"));
    tape.figure("pong", pong.number("size"));
    tape.figure("beat", beat.number("size"));
    tape.figure("beat_back", back.number("size"));
    tape.finish();
}
