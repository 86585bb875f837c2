//! The recording of the Flash socket in the book, made again and compared.

use tests::record::Tape;

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("flash", "flash", 8007, &[]);
    let mut player = tape.connect_beside("xmlsocket");
    player.send("<policy-file-request/>\0");
    let ask = tape.expect("policy-ask", "up", "", "asks for the policy");
    let policy = tape.expect("policy", "down", "", "policy file");
    player.end();
    drop(player);
    tape.pause(300);
    let mut movie = tape.connect_beside("xmlsocket");
    movie.send("after 0\0");
    tape.expect("after", "up", "", "after 0");
    tape.expect("here", "down", "", "here ");
    tape.pause(500);
    // Another connection says it: on one, the order of `said` and `message` is not the same at every run.
    let mut other = tape.connect_beside("xmlsocket");
    other.send("say k1 hello\0");
    let say = tape.expect("say", "up", "", "say k1");
    let message = tape.find("message", "down", "", "message 1");
    let said = tape.find("said", "down", "", "said k1");
    tape.pause(300);
    other.finish();
    other.end();
    drop(other);
    movie.finish();
    movie.end();
    drop(movie);
    tape.figure("policy_ask", ask.number("size"));
    tape.figure("policy", policy.number("size"));
    tape.figure("say", say.number("size"));
    tape.figure("message", message.number("size"));
    tape.figure("said", said.number("size"));
    tape.finish();
}
