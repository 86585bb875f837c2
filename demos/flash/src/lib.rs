//! Flash socket: a movie opens a TCP connection for the page, as from 2000 to 2020.
//!
//! Run    `make ruffle` once, then `cargo run -p flash`, then open <http://127.0.0.1:8007> in two tabs
//! Read   this file (the socket's server), `policy.rs`, `movie.rs`; the player is re-enacted in `stage/`
//! Wire   as below; each message ends with a zero byte, so none may have one inside
//! Book   `book/src/flash.md`
//!
//! ```text
//!  client to server                          server to client
//!  <policy-file-request/>                    the policy file; then the server closes
//!  after 9f3c01d2-7   tell what came after   here 9f3c01d2-7          the place in the room, now
//!                                            missed 3, or: restarted  why it is another place
//!                                            message 8 TIME TEXT      TIME: milliseconds since 1970
//!  say KEY TEXT       taken once a KEY       said KEY 8, or: refused KEY WHY
//!                                            error WHY; then the server closes
//! ```
//!
//! Left out: everything else that Flash could do.

pub mod movie;
pub mod policy;
pub mod stage;
pub mod swf;

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use demo::{Demo, SideServer, Site, Speaks};
use room::{Cursor, Gap, Message, News, Room};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "flash",
    port: 8007,
    title: "Flash socket",
    promise: "A movie of 20 years ago opens a TCP socket for the page, and an emulator runs it.",
    first: "run `make ruffle` once, then open the page in two tabs and say something in one",
    page: stage::page::PAGE,
    speaks: Speaks::Http,
    serve: stage::page::serve,
    side_servers: &[
        SideServer { name: "xmlsocket", port: 8107, speaks: NUL, shown: true, serve },
        stage::bridge::SERVER,
        stage::ruffle::SERVER,
    ],
};

/// Messages end with a zero byte.
const NUL: Speaks = Speaks::Delimited(0);

/// The longest message of a client, in bytes: 1,000 characters of 4 bytes, and the words before.
const MAX_MESSAGE: usize = 8 * 1024;

/// A client that takes no byte for this long has gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves the room to XMLSockets.
fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    net::each_connection(&listener, move |stream| {
        let (room, site) = (room.clone(), site.clone());
        let client = Arc::new(Client { stream, writing: Mutex::new(()), room, site });
        let _gone = client.converse().and_then(|()| net::close(&client.stream)); // an error: it left
    })
}

/// One connection. Two threads write to it: one answers, one tells the news.
struct Client {
    stream: TcpStream,
    /// Held while a message is written, so that no other message gets into it.
    writing: Mutex<()>,
    room: Arc<Room>,
    site: Arc<Site>,
}

impl Client {
    // ANCHOR: converse
    /// Answers one message after the other. Each ends with a zero byte, in time once it has begun.
    fn converse(self: &Arc<Self>) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let mut messages = net::Splitter::new(&self.stream, 0, MAX_MESSAGE);
        let mut told = false;
        loop {
            let message = match messages.next(None, self.site.head_timeout) {
                Ok(Some(message)) => String::from_utf8(message).unwrap_or_default(),
                Ok(None) => return Ok(()),
                Err(error) => return self.write(&[format!("error {error}")]),
            };
            let (word, rest) = message.split_once(' ').unwrap_or((&message, ""));
            match (word, rest.split_once(' '), rest.parse::<Cursor>()) {
                (policy::REQUEST, ..) => return self.write(&[policy::file(&self.site)]),
                ("say", Some((key, text)), _) => match self.room.say_once(key, text) {
                    Ok(message) => self.write(&[format!("said {key} {}", message.id)])?,
                    Err(refused) => self.write(&[format!("refused {key} {refused}")])?,
                },
                ("after", _, Ok(cursor)) if !told => {
                    self.tell_from(cursor)?;
                    told = true;
                }
                _ => return self.write(&["error UTF-8: after CURSOR, once; say KEY TEXT.".into()]),
            }
        }
    }
    // ANCHOR_END: converse

    /// Tells what came after this cursor; then a thread tells the news until the client has gone. A
    /// slow client costs no memory: the server keeps its place in the room and no queue.
    fn tell_from(self: &Arc<Self>, cursor: Cursor) -> io::Result<()> {
        let mut reader = self.room.reader(cursor);
        let news = reader.wait(Duration::ZERO);
        self.write(&[vec![format!("here {}", news.start())], lines(&news)].concat())?;
        let client = Arc::downgrade(self);
        net::on_a_thread(move || {
            loop {
                let news = reader.wait(Duration::from_secs(1));
                let Some(client) = client.upgrade() else { return };
                if client.write(&lines(&news)).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    /// Sends messages, each with its zero byte. A zero byte inside one, which can be said by HTTP,
    /// would end it too early: the picture of a zero byte (U+2400) takes its place.
    fn write(&self, messages: &[String]) -> io::Result<()> {
        let ended = |message: &String| message.replace('\0', "\u{2400}") + "\0";
        let bytes: String = messages.iter().map(ended).collect();
        let _whole = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let written = (&self.stream).write_all(bytes.as_bytes());
        // After an error, part of a message may have left, so nothing may follow it.
        written.inspect_err(|_| drop(self.stream.shutdown(Shutdown::Both)))
    }
}

/// News as messages of this protocol.
fn lines(news: &News) -> Vec<String> {
    let gap = match news.gap {
        Gap::None => None,
        Gap::Missed(missed) => Some(format!("missed {missed}")),
        Gap::Restarted => Some("restarted".to_string()),
    };
    let message = |one: &Message| format!("message {} {} {}", one.id, one.at, one.text);
    gap.into_iter().chain(news.messages.iter().map(message)).collect()
}
