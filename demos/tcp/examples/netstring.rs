//! An answer to the tasks of the chapter: a room whose messages say their length in front, in digits.
//!
//! Run    `cargo run -p tcp --example netstring`, then `printf '5:hello,' | nc -q1 127.0.0.1 8109`

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use demo::{Demo, SideServer, Site, Speaks};
use room::Room;

const DEMO: Demo = Demo {
    side_servers: &[SideServer {
        name: "room",
        port: 8109,
        speaks: Speaks::Upgrades,
        shown: true,
        serve: serve_room,
    }],
    ..tcp::DEMO
};

fn main() {
    bench::run(&DEMO);
}

fn serve_room(listener: TcpListener, room: Arc<Room>, _site: Arc<Site>) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let room = room.clone();
                thread::spawn(move || drop(talk(&stream, &room)));
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

// ANCHOR: take
/// The longest message that is believed, in bytes.
const MAX: usize = 4_000;

/// `5:hello,`: the length in digits, a colon, the bytes, a comma. Nothing in a message needs an
/// escape; the comma is a check that the length was right.
fn netstring(text: &str) -> String {
    format!("{}:{text},", text.len())
}

/// Takes the first message off the front of what has arrived. `Ok(None)`: it is not all there.
fn take(unread: &mut Vec<u8>) -> io::Result<Option<String>> {
    let bad = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    let Some(colon) = unread.iter().position(|&byte| byte == b':') else {
        return if unread.len() > 4 { bad("a length has four digits at most") } else { Ok(None) };
    };
    let digits = str::from_utf8(&unread[..colon]).unwrap_or_default();
    let Ok(length) = digits.parse::<usize>() else { return bad("the length is no number") };
    if length > MAX {
        return bad("too long"); // before a byte of it is waited for
    }
    let Some(&comma) = unread.get(colon + 1 + length) else { return Ok(None) };
    let text = String::from_utf8(unread[colon + 1..colon + 1 + length].to_vec());
    unread.drain(..colon + 1 + length + 1);
    match text {
        Ok(text) if comma == b',' => Ok(Some(text)),
        _ => bad("no comma, or no UTF-8"),
    }
}
// ANCHOR_END: take

// ANCHOR: silence
/// A client that is silent for this long is let go. Otherwise half-open connections would pile up.
/// (Three seconds let you watch it; a real server waits for minutes.)
const SILENCE: Duration = Duration::from_secs(3);

fn talk(mut stream: &TcpStream, room: &Room) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut unread = Vec::new();
    let mut bytes = [0; 1024];
    loop {
        while let Some(text) = take(&mut unread)? {
            let answer = room
                .say(&text)
                .map_or_else(|why| why.to_string(), |message| message.id.to_string());
            stream.write_all(netstring(&answer).as_bytes())?;
        }
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            length => unread.extend_from_slice(&bytes[..length]),
        }
    }
}
// ANCHOR_END: silence
