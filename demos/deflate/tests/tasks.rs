//! The tasks of deflate, and what an answer must do.

use tests::task::{Candidate, Finding, SOON, Task};
use tests::websocket::{KEY, frame};
use tests::{must, start};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "threshold", short_messages_leave_as_they_are),
    Task::program(2, 20, "bomb", a_bomb_is_thrown_and_answered_with_1009),
];

fn short_messages_leave_as_they_are(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = server.send(format!(
        "GET /echo HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        server.host()
    ));
    let head = wire.any_head();
    let extensions = head.field("Sec-WebSocket-Extensions").unwrap_or("missing");
    must!(
        extensions.starts_with("permessage-deflate"),
        "The server should agree to permessage-deflate; the field is {extensions}."
    );
    let long = "a long message ".repeat(20);
    for (text, compressed) in
        [("ok", false), (&*long, true), ("x".repeat(63).as_str(), false), (&long, true)]
    {
        wire.send(frame(0x81, text));
        let Some((first, payload)) = wire.try_frame(SOON) else {
            return Err(format!("The echo of {} bytes does not come.", text.len()));
        };
        let marked = first & 0x40 != 0;
        let length = text.len();
        must!(
            compressed || !marked,
            "A message of {length} bytes should leave as it is, without RSV1; it came compressed."
        );
        must!(
            marked || !compressed,
            "A message of {length} bytes should be compressed; it came as it is."
        );
        must!(
            compressed || payload == text.as_bytes(),
            "The echo of {length} bytes should be what was sent."
        );
    }
    Ok(())
}

fn a_bomb_is_thrown_and_answered_with_1009(candidate: &Candidate) -> Finding {
    let demo = start("deflate");
    let wrote = candidate.run(&[&format!("ws://{}/echo", demo.host())])?.runs_to_its_end()?;
    must!(wrote.contains("1009"), "The program should write the code 1009; it wrote:\n{wrote}");
    let sent = demo.bench().counters()["up"].as_u64().unwrap_or(0);
    must!(
        sent < 1_000_000,
        "A bomb is small on the wire; the program sent {sent} bytes for its 1009."
    );
    Ok(())
}
