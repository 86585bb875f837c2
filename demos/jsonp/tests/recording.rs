//! The recording of JSONP polling in the book, made again and compared.

use tests::record::{SCRIPT, Tape, head};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("jsonp", "jsonp", 8002, &[]);
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    let mut data = tape.connect_beside("data");
    let page = tape.host().to_string();
    let ask = |data: &mut tests::Wire, path: &str| {
        data.send(head(SCRIPT, &[("path", path), ("host", "127.0.0.1:8102"), ("origin", &page)]));
        data.answer()
    };
    let (_, script) = ask(&mut data, "/messages?after=-0&callback=jsonp_1");
    let life = tests::life(&script);
    let question = tape.expect("ask", "up", "request", "GET /messages");
    let answer = tape.expect("news", "down", "response", "200");
    let body = tape.expect("script", "down", "body", "");
    tape.pause(1000);
    ask(&mut data, &format!("/messages?after={life}-1&callback=jsonp_2"));
    let empty = tape.expect("empty", "down", "response", "200");
    tape.pause(500);
    tape.say(&mut other, "</script><b>hi</b>");
    tape.pause(500);
    ask(&mut data, &format!("/messages?after={life}-1&callback=jsonp_3"));
    tape.expect("", "down", "response", "200");
    tape.expect("escaped", "down", "body", "");
    tape.pause(500);
    ask(&mut data, &format!("/messages?after={life}-2&callback=alert(1)//"));
    tape.expect("bad", "up", "request", "alert");
    tape.expect("refused", "down", "response", "400");
    drop((data, other));
    tape.figure("ask", tape.message_size(&question));
    tape.figure("news", tape.message_size(&answer));
    tape.figure("script", body.number("size"));
    tape.figure("empty", tape.message_size(&empty));
    tape.figure("round", tape.message_size(&question) + tape.message_size(&empty));
    tape.finish();
}
