//! The tasks of TCP, and what an answer must do.

use std::time::{Duration, Instant};

use tests::task::{Candidate, Finding, SOON, Task};
use tests::{Wire, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 60, "netstring", a_message_says_its_length_in_front),
    Task::server(2, 20, "netstring", a_silent_client_is_let_go),
];

/// The messages in `5:hello,`; what is none is an error.
fn netstrings(mut bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let message = (|| {
            let colon = bytes.iter().position(|byte| *byte == b':')?;
            let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
            let end = colon + 1 + length;
            (bytes.get(end) == Some(&b',')).then_some((&bytes[colon + 1..end], end + 1))
        })();
        let Some((message, length)) = message else {
            let sent = String::from_utf8_lossy(bytes);
            return Err(format!(
                "What the room sends should look like 5:hello, as well; it sends {sent:?}."
            ));
        };
        messages.push(String::from_utf8_lossy(message).into_owned());
        bytes = &bytes[length..];
    }
    Ok(messages)
}

fn a_message_says_its_length_in_front(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = Wire::connect(&server.beside("room"));
    wire.send("5:hel");
    let _half = wire.is_silent_for(Duration::from_millis(100));
    wire.send("lo,11:a:b,c\nd,e,f,");
    wire.finish();
    must!(
        wire.ends_within(SOON),
        "After the client's FIN the room should end the connection, too."
    );
    netstrings(wire.unread())?;

    let mut room = server.get("/events?after=0");
    room.head();
    let mut heard = String::new();
    while heard.matches("\"text\":").count() < 2 {
        let Some(block) = room.try_block(SOON) else {
            return Err("5:hello,11:a:b,c\\nd,e,f, are two messages; the room did not take both."
                .to_string());
        };
        heard += &block.data.unwrap_or_default();
    }
    let both = heard.contains("\"text\":\"hello\"") && heard.contains("\"text\":\"a:b,c\\nd,e,f\"");
    must!(
        both,
        "5:hel and lo, are one message, and 11:a:b,c\\nd,e,f, is one; the room took {heard}."
    );

    let mut liar = Wire::connect(&server.beside("room"));
    liar.send("9999999:");
    must!(
        liar.ends_within(SOON),
        "A length of 9999999 should end the connection before a byte of it is waited for."
    );
    Ok(())
}

fn a_silent_client_is_let_go(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let silent = Instant::now();
    let mut wire = Wire::connect(&server.beside("room"));
    must!(
        wire.ends_within(2 * SOON),
        "A client that says nothing for three seconds should be let go; ten were not enough."
    );
    let seconds = silent.elapsed().as_secs_f64();
    must!(
        seconds > 2.0,
        "The client was let go after {seconds:.1} s of silence. It may be silent for three seconds."
    );
    Ok(())
}
