//! TCP: a stream of bytes without messages, and a room for `nc` in which a line is a message.
//!
//! Run    `cargo run -p tcp`, then `nc 127.0.0.1 8109`, and open <http://127.0.0.1:8009>
//! Read   this file, then `framing.rs` (messages in a stream), `writes.rs` (writes and reads)
//! Wire   `hello` LF ... `8 hello` LF, on port 8109: no head, no frame
//! Book   `book/src/tcp.md`
//!
//! ```text
//!  client to server         server to client
//!                           # You are in 9f3c01d2-7. ...   where this client is: behind message 7
//!  hello                    8 hello                        everyone hears it, with its number
//!  /after 9f3c01d2-7        8 hello                        again, what came after message 7
//!  /key KEY hello           = 8 KEY                        it was taken; the same KEY counts once
//!                           ! WHY                          a mistake
//! ```
//!
//! Second readings, in the folder `more`: UDP, the life of a connection, and what serves the page.
//! Left out: what only a network of several machines shows (real loss, real congestion).

pub mod framing;
pub mod more;
pub mod writes;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use demo::{Demo, SideServer, Site, Speaks};
use framing::unescape;
use more::{ClientWriter, control_port, events, lock, probe};
use net::Splitter;
use room::{Cursor, Reader, Refused, Room};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "tcp",
    port: 8009,
    title: "TCP and UDP",
    promise: "A stream of bytes has no messages in it, and a connection has a life of its own.",
    first: "open the page, type its `nc` command in a terminal, and write a line there",
    page: demo::page!("control.js", "life.js", "tabs.js", "tcp.css", "udp.js", "writes.js"),
    speaks: Speaks::Http,
    serve,
    side_servers: &[ROOM, probe::SERVER, control_port::SERVER],
};

/// The room for `nc`.
const ROOM: SideServer = SideServer {
    name: "room",
    port: 8109,
    speaks: Speaks::Delimited(b'\n'),
    shown: true,
    serve: serve_room,
};

/// The longest line, in bytes: a thousand characters of four bytes, all of them escaped.
const MAX_LINE: usize = 8 * 1024;

/// A line that has begun has to end within this time. Between two lines a client may be silent.
const LINE_TIME: Duration = Duration::from_secs(10);

/// A client that reads nothing for this long has gone.
const WRITE_TIME: Duration = Duration::from_secs(60);

/// Serves the page, and the room as server-sent events: a page can't open a TCP connection.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/events" => http::get(request, |request| events::room(request, &room)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

/// Serves the room to clients that speak lines.
pub fn serve_room(listener: TcpListener, room: Arc<Room>, _site: Arc<Site>) -> io::Result<()> {
    net::each_connection(&listener, move |stream| {
        // An error means that the client has gone: nothing can be said to it.
        let _ = talk(&stream, &room);
        let _ = net::close(&stream);
    })
}

/// Serves one client: this thread reads its lines, and another one writes the news.
fn talk(stream: &TcpStream, room: &Arc<Room>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIME))?;
    let here = Cursor { life: room.life(), after: room.last() };
    let writer = Arc::new(Mutex::new(ClientWriter::new(stream.try_clone()?, here.after)));
    lock(&writer).line(&format!(
        "# You are in {here}. A line is a message; /after {here} repeats what comes next."
    ))?;

    let (reader, weak) = (room.reader(here), Arc::downgrade(&writer));
    net::on_a_thread(move || drop(tell(reader, &weak))); // `hear` sees an error, too
    hear(stream, room, &writer)
}

/// Writes what is new, until the client has gone.
fn tell(mut reader: Reader, writer: &Weak<Mutex<ClientWriter>>) -> io::Result<()> {
    loop {
        let news = reader.wait(Duration::from_secs(1));
        let Some(writer) = writer.upgrade() else { return Ok(()) };
        let mut writer = lock(&writer);
        writer.news(&news, u64::MAX)?;
        writer.told = news.next.after;
    }
}

/// Takes each line for a message, until there are no more.
fn hear(stream: &TcpStream, room: &Room, writer: &Mutex<ClientWriter>) -> io::Result<()> {
    let mut lines = Splitter::new(stream, b'\n', MAX_LINE);
    loop {
        let line = match lines.next(None, LINE_TIME) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(error) => return lock(writer).line(&format!("! {error}")),
        };
        let Ok(line) = String::from_utf8(line) else {
            return lock(writer).line("! A message is UTF-8 text; this is not.");
        };
        answer(line.trim_end_matches('\r'), room, &mut lock(writer))?; // telnet sends CR LF
    }
}

/// Does what a line asks for.
fn answer(line: &str, room: &Room, writer: &mut ClientWriter) -> io::Result<()> {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("/after", cursor) => match cursor.trim().parse::<Cursor>() {
            Ok(cursor) => writer.news(&room.since(cursor), writer.told), // `tell` has the rest
            Err(_) => writer.line("! /after takes a place, like 9f3c01d2-7."),
        },
        ("/key", rest) => match rest.split_once(' ') {
            Some((key, text)) => match say(room, key, text) {
                Ok(id) => writer.line(&format!("= {id} {key}")),
                Err(refused) => writer.line(&format!("! {key} {refused}")),
            },
            None => writer.line("! /key takes a key and a text."),
        },
        _ => say(room, "", line)
            .map_or_else(|refused| writer.line(&format!("! {refused}")), |_| Ok(())),
    }
}

fn say(room: &Room, key: &str, text: &str) -> Result<u64, Refused> {
    room.say_once(key, &unescape(text)).map(|message| message.id)
}
