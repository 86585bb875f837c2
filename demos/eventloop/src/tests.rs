//! Time limits, with shorter times than the demo's.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use frames::frame::{Opcode, write_frame};
use handshake::client;
use room::Room;

use crate::{Patience, serve};

/// A loop with these time limits, and a WebSocket to its room. What it is told at first was read;
/// what has come behind it is handed on.
fn connected(patience: Patience) -> (TcpStream, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (room, site) = (Arc::new(Room::new(10)), Arc::new(Site::new(address)));
    thread::spawn(move || serve(listener, room, site, patience));
    let stream = TcpStream::connect(address).unwrap();
    let (mut stream, mut told, _) =
        client::upgrade(stream, &address.to_string(), "/", &[]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut more = [0; 1024];
    loop {
        if let Some(at) = told.windows(6).position(|some| some == b"false}") {
            return (stream, told.split_off(at + 6));
        }
        let count = stream.read(&mut more).unwrap();
        assert!(count > 0, "the connection ended");
        told.extend_from_slice(&more[..count]);
    }
}

fn soon() -> Patience {
    Patience {
        look: Duration::from_millis(5),
        silence: Duration::from_millis(200),
        ..Patience::default()
    }
}

#[test]
fn a_silent_client_of_the_room_is_asked_and_one_that_does_not_answer_is_given_up() {
    let (mut stream, mut all) = connected(soon());
    stream.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"\x89\x00", "one ping, and then the end");
}

#[test]
fn a_loop_that_is_late_asks_before_it_gives_up() {
    let look = Duration::from_millis(500); // the silence is over twice when it looks
    let (mut stream, mut all) = connected(Patience { look, ..soon() });
    stream.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"\x89\x00", "one ping, and then the end");
}

#[test]
fn a_client_that_answers_is_kept() {
    let silence = Duration::from_secs(2);
    let (stream, behind) = connected(Patience { silence, ..soon() });
    let mut comes = behind.as_slice().chain(&stream);
    let mut pong = Vec::new();
    write_frame(&mut pong, true, Opcode::Pong, Some([1, 2, 3, 4]), b"");
    for _ in 0..2 {
        let mut ping = [0; 2];
        comes.read_exact(&mut ping).unwrap();
        assert_eq!(&ping, b"\x89\x00");
        (&stream).write_all(&pong).unwrap();
    }
}

#[test]
fn a_client_that_was_told_the_end_and_goes_on_sending_is_given_up() {
    let goodbye = Duration::from_millis(50);
    let (mut stream, _) = connected(Patience { goodbye, ..soon() });
    let mut last = Vec::new();
    write_frame(&mut last, true, Opcode::Close, Some([1, 2, 3, 4]), b"");
    stream.write_all(&last).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while stream.write_all(b"?").is_ok() {
        assert!(Instant::now() < deadline, "the connection is still there");
        thread::yield_now();
    }
}
