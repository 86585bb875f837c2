//! The room over bare TCP, for `nc`: a line is a message. The line feed is our own agreement, not TCP's.
//!
//! ```text
//!  client to server                 server to client
//!                                   # a word of welcome
//!  hello                            8 hello              everyone hears it, with its number
//!  /after 7                         8 hello              again what came after 7 (after a lost connection)
//!  /key KEY hello                   = 8 KEY              it was taken, once for each KEY
//!                                   ! WHY                something was wrong; the connection goes on if it can
//! ```
//!
//! A border inside a message has to be told apart from a border: a line feed travels as `\n`, a backslash as `\\`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use demo::Site;
use room::{Gap, News, Refused, Room};

/// The longest line, in bytes: a thousand characters of four bytes, all of them escaped.
const MAX_LINE: usize = 8 * 1024;

/// A line that has begun has to end within this time.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A client that takes nothing for so long has gone.
const STUCK: Duration = Duration::from_secs(60);

/// Serves the room to whoever speaks lines.
///
/// # Errors
/// Never: a failed accept is tried again.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    crate::each_connection(&listener, move |stream| {
        // A client that went away in the middle is nobody's fault, and there is nobody to tell.
        let _ = talk(&stream, &room);
        let _ = stream.shutdown(Shutdown::Both);
    })
}

// ANCHOR: lines
/// Cuts a stream into lines. A read brings what has arrived: half a line, or seven.
pub struct Lines<'a> {
    stream: &'a TcpStream,
    /// What was read and is not a whole line yet.
    pub unread: Vec<u8>,
}

impl<'a> Lines<'a> {
    /// The lines that come in on this stream.
    pub fn new(stream: &'a TcpStream) -> Self {
        Lines { stream, unread: Vec::new() }
    }

    /// Waits for the next line, at most for `silence` (`None`: for ever) until it begins and [`PATIENCE`] until it ends.
    /// `None`: the other side has said all it had to say, and half a line at the end is no line.
    ///
    /// # Errors
    /// When the line is too long or too late; when the connection is gone.
    pub fn receive(&mut self, silence: Option<Duration>) -> io::Result<Option<Vec<u8>>> {
        let mut began = Instant::now();
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let rest = self.unread.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.unread, rest);
                line.pop();
                return Ok(Some(line));
            }
            if self.unread.len() > MAX_LINE {
                return Err(io::Error::new(ErrorKind::InvalidData, "A line has 8 KiB at most."));
            }
            let limit = if self.unread.is_empty() { silence } else { Some(PATIENCE) };
            let left = limit.map(|limit| limit.saturating_sub(began.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::Error::new(ErrorKind::TimedOut, "The rest of a line did not come within 10 s."));
            }
            self.stream.set_read_timeout(left)?;
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    if self.unread.is_empty() {
                        began = Instant::now();
                    }
                    self.unread.extend_from_slice(&bytes[..length]);
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
// ANCHOR_END: lines

/// A read that came to its time limit, or was interrupted.
pub fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// The way to a client. Two threads write: a line goes out whole.
struct Mouth {
    stream: TcpStream,
    /// The client has heard everything up to this message since it came.
    heard: u64,
}

impl Mouth {
    fn write(&mut self, line: &str) -> io::Result<()> {
        let written = self.stream.write_all(format!("{line}\n").as_bytes());
        if written.is_err() {
            let _ = self.stream.shutdown(Shutdown::Both); // half a line was sent: nothing may follow it
        }
        written
    }

    fn tell(&mut self, news: &News, ids: impl Fn(u64) -> bool) -> io::Result<()> {
        match news.gap {
            Gap::None => {}
            Gap::Missed(missed) => {
                self.write(&format!("# {missed} messages are gone: the room keeps only the newest."))?
            }
            Gap::Restarted => self.write("# The server was started again: its messages count from 1.")?,
        }
        for message in news.messages.iter().filter(|message| ids(message.id)) {
            self.write(&format!("{} {}", message.id, escape(&message.text)))?;
        }
        Ok(())
    }
}

fn talk(stream: &TcpStream, room: &Arc<Room>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(STUCK))?;
    let mouth = Arc::new(Mutex::new(Mouth { stream: stream.try_clone()?, heard: room.last() }));
    let gone = Arc::new(AtomicBool::new(false));
    lock(&mouth).write("# You are in. A line is a message; /after 7 repeats what came after message 7.")?;

    let teller = (room.clone(), mouth.clone(), gone.clone());
    http::on_a_thread(move || {
        let (room, mouth, gone) = teller;
        let _ = tell(&room, &mouth, &gone); // an error: the thread that reads finds out as well
    });
    let ended = hear(stream, room, &mouth);
    gone.store(true, Ordering::Relaxed); // the teller ends within a second
    ended
}

// ANCHOR: tell
/// Tells what is new, until the client has gone.
fn tell(room: &Room, mouth: &Mutex<Mouth>, gone: &AtomicBool) -> io::Result<()> {
    let mut after = lock(mouth).heard;
    while !gone.load(Ordering::Relaxed) {
        let news = room.wait_since(after, Duration::from_secs(1));
        let mut mouth = lock(mouth);
        mouth.tell(&news, |_| true)?;
        after = news.messages.last().map_or(after, |newest| newest.id);
        mouth.heard = after;
    }
    Ok(())
}
// ANCHOR_END: tell

// ANCHOR: hear
/// Takes a line for a message, until there are no more.
fn hear(stream: &TcpStream, room: &Room, mouth: &Mutex<Mouth>) -> io::Result<()> {
    let mut lines = Lines::new(stream);
    loop {
        let line = match lines.receive(None) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(error) => return lock(mouth).write(&format!("! {error}")),
        };
        let Ok(line) = String::from_utf8(line) else {
            return lock(mouth).write("! A message is UTF-8 text; this is not.");
        };
        let line = line.trim_end_matches('\r'); // telnet ends a line with CR LF
        let words = line.split_once(' ').unwrap_or((line, ""));
        match words {
            ("/after", id) => match id.trim().parse() {
                Ok(after) => {
                    let mut mouth = lock(mouth);
                    let heard = mouth.heard;
                    mouth.tell(&room.since(after), |id| id <= heard)?; // the rest the teller tells
                }
                Err(_) => lock(mouth).write("! /after takes the number of a message.")?,
            },
            ("/key", rest) => match rest.split_once(' ') {
                Some((key, text)) => match say(room, key, text) {
                    Ok(id) => lock(mouth).write(&format!("= {id} {key}"))?,
                    Err(refused) => lock(mouth).write(&format!("! {key} {refused}"))?,
                },
                None => lock(mouth).write("! /key takes a key and a text.")?,
            },
            _ => {
                if let Err(refused) = say(room, "", line) {
                    lock(mouth).write(&format!("! {refused}"))?;
                }
            }
        }
    }
}
// ANCHOR_END: hear

fn say(room: &Room, key: &str, text: &str) -> Result<u64, Refused> {
    room.say_once(key, &unescape(text)).map(|message| message.id)
}

// ANCHOR: escape
/// A text as one line.
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// The text that a line stands for. A backslash before anything but `n` and itself is just a backslash.
pub fn unescape(line: &str) -> String {
    let mut text = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('\\')) => text.push('\\'),
            _ => {
                text.push(c);
                continue;
            }
        }
        chars.next();
    }
    text
}
// ANCHOR_END: escape

fn lock(mouth: &Mutex<Mouth>) -> MutexGuard<'_, Mouth> {
    mouth.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn a_line_feed_in_a_message_is_no_border() {
        for text in ["hello", "two\nlines", "a\\nb", "\\", "\\\\n\n\\", "back\\slash", ""] {
            assert!(!escape(text).contains('\n'));
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(unescape("C:\\temp"), "C:\\temp");
    }
}
