//! Writes are no messages: how a stream gets borders, and an experiment that shows how it goes without.
//!
//! ```text
//!  none      h e l l o w o r l d                       each read is taken for a message: wrong, and often right
//!  lines     h e l l o \n w o r l d \n                 a byte that ends a message, and must not be inside one
//!  lengths   0 0 0 5 h e l l o 0 0 0 5 w o r l d       first how long it is (32 bits), then anything
//! ```

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use tiny_http::Request;

use crate::lab::{self, wrong};
use crate::room::{Lines, PATIENCE};

/// The laboratory's report is there within this time, or never.
const REPORT: Duration = Duration::from_secs(35);

/// A message that says it is longer than that is not believed.
const MAX_MESSAGE: usize = 4 * 1024;

/// How messages are told apart in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Not at all.
    None,
    /// A line feed ends a message.
    Lines,
    /// Four bytes, most significant first, say how long the next one is.
    Lengths,
}

impl Framing {
    /// `none`, `lines` or `lengths`.
    pub fn parse(word: &str) -> Option<Framing> {
        match word {
            "none" => Some(Framing::None),
            "lines" => Some(Framing::Lines),
            "lengths" => Some(Framing::Lengths),
            _ => None,
        }
    }

    // ANCHOR: frame
    /// A message as it goes over the wire.
    pub fn frame(self, message: &str) -> Vec<u8> {
        match self {
            Framing::None => message.as_bytes().to_vec(),
            Framing::Lines => [crate::room::escape(message).as_bytes(), b"\n"].concat(),
            Framing::Lengths => [&(message.len() as u32).to_be_bytes()[..], message.as_bytes()].concat(),
        }
    }
    // ANCHOR_END: frame
}

// ANCHOR: cut
/// Gets messages back out of reads, however the stream was cut.
pub struct Cutter {
    framing: Framing,
    unread: Vec<u8>,
    messages: Vec<String>,
}

impl Cutter {
    /// Nothing was read yet.
    pub fn new(framing: Framing) -> Self {
        Cutter { framing, unread: Vec::new(), messages: Vec::new() }
    }

    /// One more read.
    pub fn take(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while let Some((skip, length, over)) = self.whole() {
            let text = String::from_utf8_lossy(&self.unread[skip..skip + length]).into_owned();
            let text = if self.framing == Framing::Lines { crate::room::unescape(&text) } else { text };
            self.messages.push(text);
            self.unread.drain(..skip + length + over);
        }
    }

    /// Whether a whole message lies at the front: so many bytes before it, in it, and behind it.
    fn whole(&self) -> Option<(usize, usize, usize)> {
        let unread = &self.unread[..];
        match self.framing {
            Framing::None => (!unread.is_empty()).then_some((0, unread.len(), 0)), // a guess
            Framing::Lines => unread.iter().position(|&byte| byte == b'\n').map(|length| (0, length, 1)),
            Framing::Lengths => {
                let length = u32::from_be_bytes(*unread.first_chunk()?) as usize;
                (length <= MAX_MESSAGE && unread.len() >= 4 + length).then_some((4, length, 0))
            }
        }
    }
    // ANCHOR_END: cut

    /// The messages so far.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// How many bytes are left that make no whole message.
    pub fn left(&self) -> usize {
        self.unread.len()
    }
}

// ---- The experiment: this program is the client, too, since a page can't be ------------------------------------------

/// `POST /writes?count=8&pause=2&nagle=off&framing=none&buffer=64&busy=0&text=word`: writes so many numbered messages,
/// and answers with what the server in `lab.rs` says about its reads. `pause` and `busy` in milliseconds.
pub fn asked(request: &Request) -> Result<Value, String> {
    let number = |name, default, most| {
        let number = http::query_text(request, name).map_or(Ok(default), str::parse);
        number.ok().filter(|number| *number <= most).ok_or_else(|| format!("{name} is a number, {most} at most."))
    };
    let count = number("count", 8, 100)?;
    let pause = Duration::from_millis(number("pause", 2, 200)?);
    let framing = http::query_text(request, "framing").unwrap_or("none");
    let framing = Framing::parse(framing).ok_or("framing is none, lines or lengths.")?;
    let settings = format!("{} {}", number("buffer", 64, 4096)?.max(1), number("busy", 0, 1_000)?);
    let nagle = http::query_text(request, "nagle") == Some("on");
    let messages: Vec<String> = (1..=count).map(|n| format!("message{n}")).collect();
    run(&messages, framing, &settings, nagle, pause).map_err(|error| format!("The experiment failed: {error}"))
}

// ANCHOR: writes
/// Writes each message with a write of its own. `nagle`: a small piece waits as long as an earlier one is on its way and
/// not acknowledged, so that many become one (RFC 896; RFC 9293, 3.7.4).
pub fn run(messages: &[String], framing: Framing, settings: &str, nagle: bool, pause: Duration) -> io::Result<Value> {
    let mut stream = TcpStream::connect_timeout(&crate::public("lab"), PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let word = format!("{framing:?}").to_lowercase();
    let (token, report) = wait_for_report();
    stream.write_all(format!("writes {word} {settings} {token}\n").as_bytes())?;
    let answers = stream.try_clone()?;
    let mut answers = Lines::new(&answers);
    if answers.receive(Some(PATIENCE))?.as_deref() != Some(b"ready") {
        return Err(wrong("the server is not ready"));
    }

    stream.set_nodelay(!nagle)?;
    let began = Instant::now();
    let mut writes = Vec::new();
    for message in messages {
        let bytes = framing.frame(message);
        stream.write_all(&bytes)?;
        writes.push(json!({ "at": began.elapsed().as_micros() as u64, "size": bytes.len(), "text": message }));
        thread::sleep(pause);
    }
    stream.shutdown(Shutdown::Write)?; // that was all; but there is an answer to come
    // ANCHOR_END: writes

    let report = report.recv_timeout(REPORT);
    lab::waiting().remove(&token);
    let report = report.map_err(|_| wrong("nothing was heard of it; is the cable cut?"))??;
    Ok(json!({ "writes": writes, "reads": report["reads"], "messages": report["messages"], "left": report["left"] }))
}

/// The laboratory hands the report of this token to the receiver.
fn wait_for_report() -> (String, Receiver<io::Result<Value>>) {
    static NEWEST: AtomicU64 = AtomicU64::new(0);
    let token = format!("run{}", NEWEST.fetch_add(1, Ordering::Relaxed) + 1);
    let (sender, receiver) = channel();
    lab::waiting().insert(token.clone(), sender);
    (token, receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_the_same_messages_back() {
        let messages = ["one", "", "grüß\ndich", "\\n", "\0\0\0\u{5}"];
        for framing in [Framing::Lines, Framing::Lengths] {
            let stream: Vec<u8> = messages.iter().flat_map(|message| framing.frame(message)).collect();
            for size in 1..=stream.len() {
                let mut cutter = Cutter::new(framing);
                stream.chunks(size).for_each(|piece| cutter.take(piece));
                assert_eq!(cutter.messages(), messages, "{framing:?}, reads of {size} bytes");
                assert_eq!(cutter.left(), 0);
            }
        }
    }

    #[test]
    fn without_borders_a_read_is_taken_for_a_message() {
        let mut cutter = Cutter::new(Framing::None);
        cutter.take(b"onetw");
        cutter.take(b"o");
        assert_eq!(cutter.messages(), ["onetw", "o"]);
    }

    #[test]
    fn a_length_that_is_too_large_costs_nothing() {
        let mut cutter = Cutter::new(Framing::Lengths);
        cutter.take(&[0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        assert_eq!((cutter.messages().len(), cutter.left()), (0, 7));
    }
}
