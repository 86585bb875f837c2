//! TCP: a stream of bytes without borders between two programs. Here a line is a message.
//!
//! Run    `cargo run -p tcp`, then `nc 127.0.0.1 8109`, and open <http://127.0.0.1:8009>
//! Read   `framing.rs` (borders in a stream), then this file (the room for `nc`), then `writer.rs`
//! Wire   `hello` LF ... `8 hello` LF, on port 8109; no head, no frame, only what we agree on
//! Book   `book/src/tcp.md`
//!
//! ```text
//!  client to server                 server to client
//!                                   # a word of welcome, with the room's life
//!  hello                            8 hello              everyone hears it, with its number
//!  /after 9f3c01d2-7                8 hello              again what came after message 7
//!  /key KEY hello                   = 8 KEY              it was taken, once for each KEY
//!                                   ! WHY                a mistake
//! ```
//!
//! Left out: logins, storage. `more/` is for later: writes and reads, a connection's life, UDP.

pub mod framing;
pub mod more;
mod writer;

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering};
use std::time::Duration;

use demo::{Demo, SideServer, Site, Speaks};
use net::Splitter;
use room::{Cursor, Reader, Room};

use crate::framing::{PATIENCE, unescape};
use crate::more::{control_port, page_server, probe};
use crate::writer::Writer;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "tcp",
    port: 8009,
    title: "TCP and UDP",
    promise: "A stream of bytes has no messages in it, and a connection has a life of its own.",
    first: "open the page, type the `nc` command it shows in a terminal, write a line there and see it on the page",
    page: demo::page!(
        "boxes.js",
        "experiments.js",
        "life.js",
        "tabs.js",
        "tcp.css",
        "udp.js",
        "writes.js"
    ),
    speaks: Speaks::Http,
    serve: serve_page,
    side_servers: &[
        SideServer {
            name: "room",
            port: 8109,
            speaks: Speaks::Delimited(b'\n'),
            shown: true,
            serve: serve_room,
        },
        SideServer {
            name: "probe",
            port: 8209,
            speaks: Speaks::Delimited(b'\n'),
            shown: true,
            serve: probe::serve,
        },
        SideServer {
            name: "control",
            port: 8309,
            speaks: Speaks::Http,
            shown: false,
            serve: control_port::serve,
        },
    ],
};

fn serve_page(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    page_server::serve(listener, room, site, &DEMO)
}

/// The longest line, in bytes: a thousand characters of four bytes, all of them escaped.
const MAX_LINE: usize = 8 * 1024;

/// A client that takes no byte for this time is given up.
const STUCK: Duration = Duration::from_secs(60);

/// Serves the room to clients that speak lines.
fn serve_room(listener: TcpListener, room: Arc<Room>, _site: Arc<Site>) -> io::Result<()> {
    net::each_connection(&listener, move |stream| {
        // An error means that the client went away in the middle: there is nothing more to do.
        let _ = converse(&stream, &room);
        let _ = stream.shutdown(Shutdown::Both);
    })
}

/// Serves one connection: this thread reads, a second one tells the news.
fn converse(stream: &TcpStream, room: &Arc<Room>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(STUCK))?;
    let here = Cursor { life: room.life(), after: room.last() };
    let writer = Arc::new(Writer::new(stream.try_clone()?, here.after));
    writer.write(&format!("# You are in. A line is a message; /after {here} repeats the rest."))?;
    let over = Arc::new(AtomicBool::new(false));
    let (reader, teller, ended) = (room.reader(here), writer.clone(), over.clone());
    net::on_a_thread(move || {
        let _ = tell(reader, &teller, &ended); // an error: the thread that reads finds out, too
    });
    let result = read_lines(stream, room, &writer);
    over.store(true, Ordering::Relaxed); // the other thread ends within a second
    result
}

// ANCHOR: tell
/// Tells what is new, until the connection is over.
fn tell(mut reader: Reader, writer: &Writer, over: &AtomicBool) -> io::Result<()> {
    while !over.load(Ordering::Relaxed) {
        writer.tell(&reader.wait(Duration::from_secs(1)))?;
    }
    Ok(())
}
// ANCHOR_END: tell

// ANCHOR: read-lines
/// Takes a line for a message, until there are no more.
fn read_lines(stream: &TcpStream, room: &Room, writer: &Writer) -> io::Result<()> {
    let mut lines = Splitter::new(stream, b'\n', MAX_LINE);
    loop {
        let line = match lines.next(None, PATIENCE) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(error) => return writer.write(&format!("! {error}")),
        };
        let Ok(line) = String::from_utf8(line) else {
            return writer.write("! A message is UTF-8 text; this is not.");
        };
        let line = line.trim_end_matches('\r'); // telnet ends a line with CR LF
        let say = |key, text| room.say_once(key, &unescape(text)).map(|message| message.id);
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.split_once(' '), rest.trim().parse::<Cursor>()) {
            ("/after", _, Ok(cursor)) => writer.repeat(&room.since(cursor))?,
            ("/after", ..) => writer.write("! /after takes a message's number, or LIFE-NUMBER.")?,
            ("/key", Some((key, text)), _) => match say(key, text) {
                Ok(id) => writer.write(&format!("= {id} {key}"))?,
                Err(refused) => writer.write(&format!("! {key} {refused}"))?,
            },
            ("/key", ..) => writer.write("! /key takes a key and a text.")?,
            _ => say("", line).map(drop).or_else(|why| writer.write(&format!("! {why}")))?,
        }
    }
}
// ANCHOR_END: read-lines
