//! The recording of short polling in the book, made again and compared.

use tests::record::{FETCH, Tape};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("polling", "polling", 8001, &[]);
    let mut page = tape.connect();
    let mut life = String::new(); // the page hears of it in the first answer
    let mut poll = |tape: &mut Tape, page: &mut tests::Wire, after: u64, name: &str| {
        tape.send(page, FETCH, &format!("/messages?after={life}-{after}"));
        let (_, news) = page.answer();
        life = tests::life(&news);
        let question = tape.expect(name, "up", "request", "GET /messages");
        let answer = tape.expect(&format!("{name}-answer"), "down", "response", "200");
        (question, answer)
    };
    poll(&mut tape, &mut page, 0, "first");
    tape.pause(1000);
    let (question, answer) = poll(&mut tape, &mut page, 0, "ask");
    for _ in 0..2 {
        tape.pause(1000);
        poll(&mut tape, &mut page, 0, "");
    }
    tape.pause(400);
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    let said = tape.expect("said", "up", "request", "POST /say");
    tape.pause(600);
    let (_, news) = poll(&mut tape, &mut page, 0, "late");
    tape.pause(1000);
    poll(&mut tape, &mut page, 1, "");
    drop((page, other));
    let (up, down) = (tape.message_size(&question), tape.message_size(&answer));
    tape.figure("ask", up);
    tape.figure("empty", down);
    tape.figure("news", tape.message_size(&news));
    tape.figure("say", tape.message_size(&said));
    tape.figure("extra", tape.message_size(&news) - down);
    tape.figure("round", up + down);
    tape.time("said_at", Tape::at(&said));
    tape.figure("minute", 60 * (up + down));
    tape.figure("hour", 3600 * (up + down) / 1_000);
    tape.figure("class_requests", 30 * 60);
    tape.figure("class_minute", 30 * 60 * (up + down) / 1_000);
    tape.finish();
}
