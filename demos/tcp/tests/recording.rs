//! The recording of TCP in the book, made again and compared.

use tests::record::Tape;

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("tcp", "tcp", 8009, &[]);
    let mut one = tape.connect_beside("room");
    tape.expect("welcome", "down", "", "You are in");
    tape.pause(300);
    one.send("hel");
    tape.pause(400);
    one.send("lo\n");
    let half = tape.find("said", "up", "", "lo");
    let heard = tape.expect("heard", "down", "", "1 hello");
    tape.pause(400);
    // Three messages in one write.
    one.send("one\ntwo\nthree\n");
    tape.expect("three", "down", "", "4 three");
    tape.pause(300);
    one.finish();
    one.end();
    drop(one);
    tape.figure("heard", heard.number("size"));
    tape.figure("half", half.number("size"));
    tape.time(
        "halves_s",
        ((half.number("sent") - half.number("start")) as f64 / 1e5).round() / 10.0,
    );
    tape.figure("frame", 2);
    tape.finish();
}
