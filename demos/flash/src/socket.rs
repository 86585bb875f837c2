//! The TCP server: the room for `XMLSocket`, whose messages end with a zero byte and have nothing else in common.
//!
//! ```text
//!  client to server                         server to client
//!  <policy-file-request/>                   the policy file; then the server closes
//!  after 7        tell me all after 7       here 9                 in; 9 is the newest
//!                                           message 8 1760000000000 TEXT
//!                                           missed 3, restarted    something is gone (see `Gap`)
//!  say KEY TEXT   once for each KEY         said KEY 10, or: refused KEY WHY
//!                                           error WHY              and the server closes
//! ```
//!
//! Try it: `printf 'after 0\0' | nc 127.0.0.1 8107 | tr '\0' '\n'`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use room::{Gap, News, Room};

use crate::policy;

/// The longest message of a client, in bytes: a thousand characters of four bytes, and the words before them.
const MAX_MESSAGE: usize = 8 * 1024;

/// A message that has begun has to end within this time. Between messages a client may be silent as long as it likes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that takes nothing for so long has gone.
const STUCK: Duration = Duration::from_secs(60);

/// Serves the room to XMLSockets.
///
/// # Errors
/// Never: a failed accept (no more open files, say) is tried again.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    each_connection(&listener, move |stream| {
        let room = room.clone();
        http::on_a_thread(move || {
            // A client that went away in the middle is nobody's fault, and there is nobody to tell.
            let _ = Client::new(&stream, room).and_then(|client| client.serve());
            let _ = stream.shutdown(Shutdown::Both);
        });
    })
}

/// Accepts connections for ever. A failed accept is followed by a pause: files get free again.
pub fn each_connection(listener: &TcpListener, mut serve: impl FnMut(TcpStream)) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => serve(stream),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

// ANCHOR: messages
/// Cuts a stream of bytes into messages. TCP knows no borders: a read may bring half a message, or three.
pub struct Messages<'a> {
    stream: &'a TcpStream,
    /// What was read and is not a whole message yet.
    unread: Vec<u8>,
    /// How long nothing at all may come; `None`: for ever.
    silence: Option<Duration>,
}

impl<'a> Messages<'a> {
    /// The messages that come in on this stream.
    /// `silence`: how long nothing at all may come; `None`: for ever.
    pub fn new(stream: &'a TcpStream, silence: Option<Duration>) -> Self {
        Messages { stream, unread: Vec::new(), silence }
    }

    /// Waits for the next message; `None`: the other side has said all it had to say.
    ///
    /// # Errors
    /// When the message is too long or does not end in time; when the connection is gone.
    pub fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        let mut began = Instant::now();
        loop {
            if let Some(end) = self.unread[searched..].iter().position(|&byte| byte == 0) {
                let rest = self.unread.split_off(searched + end + 1);
                let mut message = std::mem::replace(&mut self.unread, rest);
                message.pop(); // the zero byte
                return Ok(Some(message));
            }
            searched = self.unread.len();
            if searched > MAX_MESSAGE {
                return Err(io::Error::new(ErrorKind::InvalidData, "A message has 8 KiB at most."));
            }
            let limit = if searched > 0 { Some(PATIENCE) } else { self.silence };
            let left = limit.map(|limit| limit.saturating_sub(began.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::Error::new(ErrorKind::TimedOut, "The rest of a message did not come within 10 s."));
            }
            self.stream.set_read_timeout(left)?;
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None), // half a message without an end is no message
                Ok(length) => {
                    if searched == 0 {
                        began = Instant::now();
                    }
                    self.unread.extend_from_slice(&bytes[..length]);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
// ANCHOR_END: messages

/// One client.
struct Client<'a> {
    stream: &'a TcpStream,
    room: Arc<Room>,
    /// Two threads write: the one that answers and the one that tells. A message goes out whole.
    mouth: Arc<Mutex<TcpStream>>,
    gone: Arc<AtomicBool>,
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed); // the teller ends within a second
    }
}

impl<'a> Client<'a> {
    fn new(stream: &'a TcpStream, room: Arc<Room>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STUCK))?;
        let mouth = Arc::new(Mutex::new(stream.try_clone()?));
        Ok(Client { stream, room, mouth, gone: Arc::default() })
    }

    fn serve(self) -> io::Result<()> {
        let mut messages = Messages::new(self.stream, None);
        let mut hears = false;
        loop {
            let message = match messages.receive() {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(()),
                Err(error) => return self.write(&format!("error {error}")),
            };
            let Ok(message) = String::from_utf8(message) else {
                return self.write("error A message is UTF-8 text; this is not.");
            };
            let (word, rest) = message.split_once(' ').unwrap_or((&message, ""));
            match (word, rest.split_once(' '), rest.parse()) {
                (policy::REQUEST, ..) => return self.write(&policy::file(public_port())),
                ("say", Some((key, text)), _) => self.write(&self.say(key, text))?,
                ("after", _, Ok(after)) if !hears => {
                    hears = true;
                    self.tell_from(after)?;
                }
                ("after", _, Ok(_)) => return self.write("error One connection hears once: this one does already."),
                _ => return self.write("error This server knows: after ID, say KEY TEXT."),
            }
        }
    }

    fn say(&self, key: &str, text: &str) -> String {
        match self.room.say_once(key, text) {
            Ok(message) => format!("said {key} {}", message.id),
            Err(refused) => format!("refused {key} {refused}"),
        }
    }

    // ANCHOR: tell
    /// Starts a thread that tells everything after message `after`, and then what is new, until the client has gone.
    fn tell_from(&self, mut after: u64) -> io::Result<()> {
        self.write(&format!("here {}", self.room.last()))?;
        let (room, mouth, gone) = (self.room.clone(), self.mouth.clone(), self.gone.clone());
        http::on_a_thread(move || {
            while !gone.load(Ordering::Relaxed) {
                let news = room.wait_since(after, Duration::from_secs(1));
                after = news.messages.last().map_or(after, |newest| newest.id);
                if told(&news).iter().try_for_each(|line| write(&mouth, line)).is_err() {
                    return; // the thread that reads finds out as well
                }
            }
        });
        Ok(())
    }
    // ANCHOR_END: tell

    fn write(&self, message: &str) -> io::Result<()> {
        write(&self.mouth, message)
    }
}

/// News as messages of this protocol.
fn told(news: &News) -> Vec<String> {
    let gap = match news.gap {
        Gap::None => None,
        Gap::Missed(missed) => Some(format!("missed {missed}")),
        Gap::Restarted => Some("restarted".to_string()),
    };
    let messages = news.messages.iter().map(|one| format!("message {} {} {}", one.id, one.at, one.text));
    gap.into_iter().chain(messages).collect()
}

/// Sends a message with its zero byte. A zero inside would end it too early: it is replaced by its picture. (It can't
/// have come over this wire, but the room has other doors.)
fn write(mouth: &Mutex<TcpStream>, message: &str) -> io::Result<()> {
    let bytes = [message.replace('\0', "\u{2400}").as_bytes(), &[0]].concat();
    let mut stream = mouth.lock().unwrap_or_else(PoisonError::into_inner);
    let written = stream.write_all(&bytes);
    if written.is_err() {
        let _ = stream.shutdown(Shutdown::Both); // half a message was sent: nothing may follow it
    }
    written
}

/// The port at which clients find this server.
pub fn public_port() -> u16 {
    bench::beside().iter().find(|(name, _)| *name == "xmlsocket").map_or(0, |(_, port)| *port)
}
