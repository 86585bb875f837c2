//! The tasks of the opening handshake, and what an answer must do.

use tests::task::{Candidate, Finding, Task};
use tests::{Server, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "guests", a_second_origin_is_let_in),
    Task::server(2, 20, "guests", a_page_proves_who_it_is_by_a_token),
];

/// The status of the answer to a handshake with this target and origin.
fn knock(server: &Server, target: &str, origin: &str) -> u16 {
    let mut wire = server.connect();
    let host = server.host();
    wire.send(format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {origin}\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ));
    wire.any_head().status
}

const WITH_TOKEN: &str = "/socket?token=open-sesame";

fn a_second_origin_is_let_in(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    // The answer to the second task stands in the same program and wants its token.
    let status = |origin: &str| knock(&server, WITH_TOKEN, origin);
    let own = status(&format!("http://{}", server.host()));
    must!(own == 101, "The demo's own page should get 101; it got {own}.");
    let guest = status("http://localhost:8000");
    must!(guest == 101, "A page of http://localhost:8000 should get 101; it got {guest}.");
    for stranger in [
        "http://localhost:8000.evil.example",
        "http://localhost:80000",
        "https://localhost:8000",
        "null",
    ] {
        let status = status(stranger);
        must!(status == 403, "A page of {stranger} should get 403; it got {status}.");
    }
    Ok(())
}

fn a_page_proves_who_it_is_by_a_token(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let own = format!("http://{}", server.host());
    let with = knock(&server, WITH_TOKEN, &own);
    must!(with == 101, "GET {WITH_TOKEN} should get 101; it got {with}.");
    for target in
        ["/socket", "/socket?token=", "/socket?token=open", "/socket?token=open-sesame-too"]
    {
        let status = knock(&server, target, &own);
        must!(
            (400..500).contains(&status),
            "GET {target} does not have the token open-sesame and should get 403; it got {status}."
        );
    }
    Ok(())
}
