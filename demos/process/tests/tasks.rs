//! The tasks of the chapter on processes, and what an answer must do.

use std::time::Duration;

use tests::must;
use tests::task::{Candidate, Finding, SOON, Task};
use tests::websocket::{CLOSE, TEXT, frame};

pub const TASKS: &[Task] = &[
    Task::server(1, 20, "idle", a_silent_connection_ends_with_4408),
    Task::server(2, 60, "shared", all_connections_hear_one_program),
];

fn a_silent_connection_ends_with_4408(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = server.websocket("/?idle=1");
    loop {
        let Some((first, payload)) = wire.try_frame(SOON) else {
            return Err("A connection to /?idle=1 that is silent for a second should be closed; it is open.".to_string());
        };
        if first == CLOSE {
            let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
            must!(code == 4408, "The close code should be 4408; it is {code}.");
            break;
        }
    }
    let mut without = server.websocket("/");
    while let Some((first, _)) = without.try_frame(Duration::from_secs(2)) {
        must!(
            first != CLOSE,
            "A connection without idle= in its address should stay open; it was closed."
        );
    }
    Ok(())
}

fn all_connections_hear_one_program(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let (mut one, mut other) = (server.websocket("/"), server.websocket("/"));
    let hears = |who: &mut tests::Wire, line: &str| {
        while let Some((_, payload)) = who.try_frame(SOON) {
            if payload == line.as_bytes() {
                return true;
            }
        }
        false
    };
    other.send(frame(TEXT, "first")); // the one that hears its answer is ready for those of others
    must!(
        hears(&mut other, "FIRST"),
        "A connection that sends \"first\" should get \"FIRST\"; it did not."
    );
    one.send(frame(TEXT, "hear this"));
    must!(
        hears(&mut one, "HEAR THIS"),
        "The connection that sent a line should get the answer; it got none."
    );
    must!(
        hears(&mut other, "HEAR THIS"),
        "The other connection should get the answer, too; it got none."
    );
    Ok(())
}
