//! One end of a TCP connection, read no faster than the test asks for.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::server::address;
use crate::{DEADLINE, Event, Head};

/// How the other side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has said all it had to say: FIN.
    Fin,
    /// It wants no more of it: RST.
    Reset,
}

/// The client's end of a connection.
pub struct Wire {
    stream: TcpStream,
    host: String,
    /// Read off the socket, not yet asked for.
    unread: Vec<u8>,
    /// Decoded from chunks, not yet asked for as events.
    events: String,
    ended: Option<End>,
    body: Body,
}

/// Where the body of an answer ends (RFC 9112, 6.3).
#[derive(Clone, Copy)]
enum Body {
    Length(usize),
    Chunks,
    ToTheEnd,
}

impl Body {
    fn of(head: &Head) -> Body {
        let length = head.field("Content-Length").map(|length| length.parse().expect("Content-Length is a number"));
        match (length, head.field("Transfer-Encoding")) {
            _ if matches!(head.status, 204 | 304) => Body::Length(0),
            (Some(length), _) => Body::Length(length),
            (None, Some("chunked")) => Body::Chunks,
            _ => Body::ToTheEnd,
        }
    }
}

impl Wire {
    /// Opens a connection.
    pub fn connect(host: &str) -> Wire {
        Wire::try_connect(host).unwrap_or_else(|e| panic!("nobody listens on {host}: {e}"))
    }

    /// Opens a connection, if somebody listens.
    ///
    /// # Errors
    /// When nobody does.
    pub fn try_connect(host: &str) -> std::io::Result<Wire> {
        let stream = TcpStream::connect_timeout(&address(host), DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(DEADLINE))?;
        let host = host.to_string();
        Ok(Wire { stream, host, unread: Vec::new(), events: String::new(), ended: None, body: Body::Length(0) })
    }

    /// The client's address, by which the bench knows the connection.
    pub fn name(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket has an address")
    }

    // ---- Saying ----

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap_or_else(|e| panic!("the server took no more bytes: {e}"));
    }

    /// Sends bytes to a server that may have closed already.
    ///
    /// # Errors
    /// When it has.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends a `GET`.
    pub fn get(&mut self, path: &str) {
        self.get_with(path, &[]);
    }

    /// Sends a `GET` with more header fields.
    pub fn get_with(&mut self, path: &str, fields: &[(&str, &str)]) {
        self.try_get(path, fields).unwrap_or_else(|e| panic!("the server took no more bytes: {e}"));
    }

    /// Sends a `POST`.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)], body: &str) {
        self.try_post(path, fields, body).unwrap_or_else(|e| panic!("the server took no more bytes: {e}"));
    }

    /// Sends a `GET` to a server that may be gone.
    ///
    /// # Errors
    /// When it is.
    pub fn try_get(&mut self, path: &str, fields: &[(&str, &str)]) -> std::io::Result<()> {
        let head = self.head_of("GET", path, fields);
        self.try_send(head)
    }

    /// Sends a `POST` to a server that may be gone.
    ///
    /// # Errors
    /// When it is.
    pub fn try_post(&mut self, path: &str, fields: &[(&str, &str)], body: &str) -> std::io::Result<()> {
        let length = body.len().to_string();
        let fields: Vec<_> = fields.iter().copied().chain([("Content-Length", length.as_str())]).collect();
        let head = self.head_of("POST", path, &fields);
        self.try_send(head + body)
    }

    fn head_of(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> String {
        let more: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", self.host)
    }

    /// Says that nothing more will come (FIN), and goes on reading.
    pub fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap_or_else(|e| panic!("the connection was gone already: {e}"));
    }

    /// Ends the connection at once and rudely, with a RST.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("a socket can be told not to linger");
    }

    // ---- Hearing ----

    /// Whether nothing comes for that long: no byte and no end.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        if !self.unread.is_empty() || self.ended.is_some() {
            return false;
        }
        let deadline = Instant::now() + time;
        !self.read_until(deadline)
    }

    /// Waits until at least one byte has come, and leaves it to be read.
    pub fn any_byte(&mut self) -> bool {
        self.wait_for(|unread| (!unread.is_empty()).then_some(true), "a first byte")
    }

    /// Waits until these words have come, and leaves all that came to be read.
    pub fn comes(&mut self, words: &str) {
        self.wait_for(|unread| find(unread, words.as_bytes()), words);
    }

    /// The head of the next answer. Interim answers (1xx) are passed over, as a browser does.
    pub fn head(&mut self) -> Head {
        loop {
            let head = self.any_head();
            if head.status >= 200 {
                self.body = Body::of(&head);
                return head;
            }
        }
    }

    /// The next head, an interim one too.
    pub fn any_head(&mut self) -> Head {
        let end = self.wait_for(|unread| find(unread, b"\r\n\r\n"), "the head of an answer");
        Head::read(&self.take(end + 4))
    }

    /// The bytes of the next head, its empty line included.
    pub fn any_head_as_sent(&mut self) -> Vec<u8> {
        let end = self.wait_for(|unread| find(unread, b"\r\n\r\n"), "the head of an answer");
        self.take(end + 4)
    }

    /// The status code of the next answer.
    pub fn status(&mut self) -> u16 {
        self.head().status
    }

    /// The body of the answer whose head was read last.
    pub fn text(&mut self) -> String {
        let body = match std::mem::replace(&mut self.body, Body::Length(0)) {
            Body::Length(length) => self.exactly(length),
            Body::Chunks => self.chunks_to_the_end(),
            Body::ToTheEnd => self.rest(),
        };
        String::from_utf8(body).expect("the demos answer in UTF-8")
    }

    /// The next answer, head and body.
    pub fn answer(&mut self) -> (Head, String) {
        let head = self.head();
        let text = self.text();
        (head, text)
    }

    /// The next so many bytes.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.wait_for(|unread| (unread.len() >= count).then_some(()), &format!("{count} bytes"));
        self.take(count)
    }

    /// The next message that ends with this byte, without it.
    pub fn message(&mut self, end: u8) -> String {
        let found = |unread: &[u8]| unread.iter().position(|&byte| byte == end);
        let at = self.wait_for(found, &format!("a message that ends with the byte {end:#04x}"));
        let mut message = self.take(at + 1);
        message.pop();
        String::from_utf8(message).expect("the demos speak UTF-8")
    }

    /// Everything to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        self.end();
        std::mem::take(&mut self.unread)
    }

    /// The next chunk of a chunked body (RFC 9112, 7.1); empty for the last.
    pub fn chunk(&mut self) -> Vec<u8> {
        let line = self.wait_for(|unread| find(unread, b"\r\n"), "a chunk");
        let line = String::from_utf8_lossy(&self.take(line + 2)).trim().to_string();
        let size =
            usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("a chunk starts with its size: {line:?}"));
        let mut chunk = self.exactly(size + 2);
        assert!(chunk.ends_with(b"\r\n"), "a chunk of {size} bytes is longer than its size says");
        chunk.truncate(size);
        chunk
    }

    fn chunks_to_the_end(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                return body;
            }
            body.extend(chunk);
        }
    }

    /// The next block of an event stream in a chunked body, comments and `retry` alone included. `None` when the stream
    /// ended as it should, with the last chunk.
    pub fn block(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.events.find("\n\n") {
                let rest = self.events.split_off(end + 2);
                let block = std::mem::replace(&mut self.events, rest);
                return Some(Event::read(block.trim_end_matches('\n')));
            }
            let chunk = self.chunk();
            if chunk.is_empty() {
                return None;
            }
            self.events += std::str::from_utf8(&chunk).expect("an event stream is UTF-8");
        }
    }

    /// The next event of that name (a message has the empty name), passing over everything else.
    pub fn event(&mut self, name: &str) -> Event {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.block() {
                Some(event) if event.data.is_some() && event.name == name => return event,
                Some(_) => assert!(Instant::now() < deadline, "an event named {name:?} should have come by now"),
                None => panic!("the stream ended before an event named {name:?} came"),
            }
        }
    }

    // ---- Hearing from a server that may go at any time: `None` when it did, or said nothing for `patience` ----

    /// The head of the next answer, interim ones passed over.
    pub fn try_head(&mut self, patience: Duration) -> Option<Head> {
        loop {
            let end = self.try_find(patience, |unread| find(unread, b"\r\n\r\n"))?;
            let head = Head::read(&self.take(end + 4));
            if head.status >= 200 {
                self.body = Body::of(&head);
                return Some(head);
            }
        }
    }

    /// The next answer with its body, which has a `Content-Length`.
    pub fn try_answer(&mut self, patience: Duration) -> Option<(Head, String)> {
        let head = self.try_head(patience)?;
        let Body::Length(length) = self.body else { panic!("this answer should tell its length: {head:?}") };
        self.try_find(patience, |unread| (unread.len() >= length).then_some(()))?;
        Some((head, self.text()))
    }

    /// The next chunk of a chunked body, when all of it comes; `None` for the last, too.
    pub fn try_chunk(&mut self, patience: Duration) -> Option<Vec<u8>> {
        // Its size line, its content, and the line end after it.
        let (start, size) = self.try_find(patience, |unread| {
            let line = find(unread, b"\r\n")?;
            let size = usize::from_str_radix(std::str::from_utf8(&unread[..line]).ok()?, 16).ok()?;
            (unread.len() >= line + 2 + size + 2).then_some((line + 2, size))
        })?;
        let chunk = self.take(start + size + 2);
        (size > 0).then(|| chunk[start..start + size].to_vec())
    }

    /// What comes of a chunked body within this time, and whether it came to its end, the last chunk.
    pub fn body_within(&mut self, time: Duration) -> (Vec<u8>, bool) {
        let deadline = Instant::now() + time;
        let mut body = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if self.try_find(left, |unread| (unread.len() >= 5).then_some(())).is_none() {
                break;
            }
            if self.unread.starts_with(b"0\r\n\r\n") {
                self.take(5);
                return (body, true);
            }
            body.extend(self.try_chunk(left).unwrap_or_default());
        }
        (body, false)
    }

    /// The next message that ends with this byte, without it.
    pub fn try_message(&mut self, end: u8, patience: Duration) -> Option<Vec<u8>> {
        let at = self.try_find(patience, |unread| unread.iter().position(|&byte| byte == end))?;
        let mut message = self.take(at + 1);
        message.pop();
        Some(message)
    }

    /// The next block of an event stream; `None` at its end, too.
    pub fn try_block(&mut self, patience: Duration) -> Option<Event> {
        while !self.events.contains("\n\n") {
            let chunk = self.try_chunk(patience)?;
            self.events += std::str::from_utf8(&chunk).expect("an event stream is UTF-8");
        }
        self.block()
    }

    pub(crate) fn try_find<T>(&mut self, patience: Duration, find: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = find(&self.unread) {
                return Some(found);
            }
            if self.ended.is_some() || !self.read_until(Instant::now() + patience) {
                return None;
            }
        }
    }

    /// Waits for the end of the connection and tells which it was. What came before it stays to be read.
    pub fn end(&mut self) -> End {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(end) = self.ended {
                return end;
            }
            if !self.read_until(deadline) {
                panic!("the server should have closed this connection by now; so far it sent {}", self.shown());
            }
        }
    }

    /// Whether the connection ends within this time, whatever comes before.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while self.ended.is_none() && self.read_until(deadline) {}
        self.ended.is_some()
    }

    /// Whether the server ended the connection without a word. Waits until either is sure.
    pub fn gone_before_a_byte(&mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        while self.unread.is_empty() && self.ended.is_none() && self.read_until(deadline) {}
        self.unread.is_empty()
    }

    /// What has come and was not asked for yet.
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Reads until `find` finds something in the bytes.
    fn wait_for<T>(&mut self, find: impl Fn(&[u8]) -> Option<T>, what: &str) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = find(&self.unread) {
                return found;
            }
            if let Some(end) = self.ended {
                panic!("{what} should have come; the server ended the connection ({end:?}) after {}", self.shown());
            }
            if !self.read_until(deadline) {
                panic!("{what} should have come within {DEADLINE:?}; so far the server sent {}", self.shown());
            }
        }
    }

    /// Reads once. Returns false when nothing, not even an end, came before the deadline.
    fn read_until(&mut self, deadline: Instant) -> bool {
        let mut bytes = [0; 16 * 1024];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.stream.set_read_timeout(Some(left)).expect("a socket takes a read time-out");
            match self.stream.read(&mut bytes) {
                Ok(0) => self.ended = Some(End::Fin),
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return false,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(_) => self.ended = Some(End::Reset),
            }
            return true;
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }

    fn shown(&self) -> String {
        match self.unread.as_slice() {
            [] => "nothing".to_string(),
            bytes => format!("{} bytes: {:?}", bytes.len(), String::from_utf8_lossy(&bytes[..bytes.len().min(300)])),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
