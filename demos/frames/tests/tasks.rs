//! The tasks of frames (1 and 2) and of closing (3 and 4), and what an answer must do.

use tests::task::{Candidate, Finding, SOON, Task};
use tests::websocket::{CLOSE, TEXT, frame};
use tests::{Wire, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "shout", the_echo_shouts),
    Task::server(2, 20, "shout", the_echo_counts_the_bytes_of_frames),
    Task::server(3, 20, "ten", the_echo_closes_after_ten_messages_with_a_reason),
    Task::server(4, 60, "ten", a_long_answer_comes_in_fragments),
];

/// The next text message, from its first frame to the last; and the frames' first bytes and lengths.
fn message(wire: &mut Wire) -> Result<(String, Vec<(u8, usize)>), String> {
    let (mut text, mut frames) = (Vec::new(), Vec::new());
    loop {
        let Some((first, payload)) = wire.try_frame(SOON) else {
            return Err("The echo should send a message; none came.".to_string());
        };
        frames.push((first, payload.len()));
        text.extend(payload);
        if first & 0x80 != 0 {
            return Ok((String::from_utf8_lossy(&text).into_owned(), frames));
        }
    }
}

fn the_echo_shouts(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = server.websocket("/echo");
    wire.send(frame(TEXT, "hello"));
    let (text, _) = message(&mut wire)?;
    must!(text == "HELLO", "The echo of \"hello\" should be \"HELLO\"; it is {text:?}.");
    Ok(())
}

fn the_echo_counts_the_bytes_of_frames(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    for (length, up, down) in [(5, 11, 7), (200, 208, 204)] {
        let mut wire = server.websocket("/echo");
        wire.send(frame(TEXT, "x".repeat(length)));
        wire.send(frame(TEXT, "end")); // what follows the count, so that a missing one is noticed at once
        let (_echo, _) = message(&mut wire)?;
        let (count, _) = message(&mut wire)?;
        let numbers: Vec<usize> =
            count.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        must!(
            numbers.contains(&up) && numbers.contains(&down),
            "After the echo of {length} bytes a second message should name {up} bytes up and {down} down; \
             it says {count:?}."
        );
    }
    Ok(())
}

fn the_echo_closes_after_ten_messages_with_a_reason(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = server.websocket("/echo");
    for number in 1..=10 {
        wire.send(frame(TEXT, "x"));
        let (_, frames) = message(&mut wire)?;
        must!(frames[0].0 & 0x0f == 1, "Message {number} should be answered before the end.");
    }
    wire.send(frame(TEXT, "one too many"));
    let Some((first, payload)) = wire.try_frame(SOON) else {
        return Err("After ten messages a Close frame should come; nothing came.".to_string());
    };
    must!(first == CLOSE, "After ten messages a Close frame should come; an eleventh answer came.");
    let code = payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
    let said = code.map_or("none".to_string(), |code| code.to_string());
    must!(code == Some(4000), "The close code should be 4000; it is {said}.");
    must!(payload.len() > 2, "The Close frame should have a reason behind its code.");
    Ok(())
}

fn a_long_answer_comes_in_fragments(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = server.websocket("/echo");
    wire.send(frame(TEXT, "0123456789abcdef"));
    let (text, frames) = message(&mut wire)?;
    let length = text.len();
    must!(length == 1_600, "A hundred times 16 bytes are 1600; the answer has {length}.");
    let number = frames.len();
    must!(
        number == 2,
        "1600 bytes should come as fragments of 1000 and 600; they came in {number} frame(s)."
    );
    let kinds = frames.iter().enumerate().all(|(at, (first, _))| (first & 0x0f == 0) == (at > 0));
    must!(kinds, "The first fragment has the opcode of text, 1; those that continue it have 0.");
    must!(
        frames[0].1 == 1_000,
        "The first fragment should have 1000 bytes; it has {}.",
        frames[0].1
    );
    Ok(())
}
