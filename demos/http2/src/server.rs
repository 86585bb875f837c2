//! Machinery: a connection on a socket, and the threads that serve it.
//!
//! One thread reads, one writes, and each request has one that works on it; what they share is the [`Http2Connection`]. The one
//! that writes is the only one that waits for a slow client, and it does not hold the lock then.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::connection::Http2Connection;
use crate::frame::{ErrorCode, PREFACE};
use crate::hpack::FieldLine;
use crate::message::Asked;
use crate::stream::OUTBOX;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A client that takes no byte for this long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of answers without a body that may wait; over it nothing more is read.
const MAX_WAITING: usize = 128 * 1024;

/// What is said to a client that does not know HTTP/2, in words that it knows.
const OLD: &[u8] = b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\nContent-Length: 59\r\n\
                     Connection: close\r\n\r\nThis port speaks HTTP/2, and begins with it at once (h2c).\n";

/// What the threads of one connection share.
struct Shared {
    socket: TcpStream,
    connection: Mutex<Http2Connection>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Http2Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the connection, and wakes the threads that wait for a change.
    fn change<T>(&self, act: impl FnOnce(&mut Http2Connection) -> T) -> T {
        let result = act(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `ready` gives something, or for this time.
    fn wait<T>(
        &self,
        time: Duration,
        mut ready: impl FnMut(&mut Http2Connection) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + time;
        let mut connection = self.lock();
        loop {
            if let Some(found) = ready(&mut connection) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            connection = self
                .changed
                .wait_timeout(connection, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Serves one connection until it ends. `work` is called on a thread of its own for each request.
///
/// # Errors
/// When the socket is broken, or the client has gone.
pub fn serve<W>(socket: TcpStream, max_streams: usize, work: W) -> io::Result<()>
where
    W: Fn(Exchange, Asked) + Clone + Send + 'static,
{
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(LOOK))?;
    socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
    if speaks_another_http(&socket) {
        (&socket).write_all(OLD)?;
        return net::close(&socket);
    }
    let connection = Mutex::new(Http2Connection::new(max_streams, Instant::now()));
    let shared = Arc::new(Shared { socket, connection, changed: Condvar::new() });
    let writer = shared.clone();
    net::spawn(move || write(&writer))?;
    read(&shared, &work)
}

/// Whether the first bytes are a request, but not the preface. It waits for one byte; the front door limits for how long.
fn speaks_another_http(socket: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    loop {
        match socket.peek(&mut first) {
            Err(error) if net::is_timeout(&error) => {}
            Ok(here @ 1..) => {
                return first[0].is_ascii_uppercase() && first[..here] != PREFACE[..here];
            }
            Ok(0) | Err(_) => return false, // the next read tells
        }
    }
}

/// The thread that reads: requests come out of the bytes, and each gets a thread.
fn read<W>(shared: &Arc<Shared>, work: &W) -> io::Result<()>
where
    W: Fn(Exchange, Asked) + Clone + Send + 'static,
{
    let mut bytes = [0; 16 * 1024];
    let mut socket = &shared.socket;
    loop {
        let arrived = match socket.read(&mut bytes) {
            Ok(0) => break,
            Ok(arrived) => arrived,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if net::is_timeout(&error) => {
                shared.change(|connection| connection.tick(Instant::now()));
                if shared.lock().is_over() {
                    return Ok(());
                }
                continue;
            }
            Err(_) => break,
        };
        let requests =
            shared.change(|connection| connection.receive(&bytes[..arrived], Instant::now()));
        for (stream, asked) in requests {
            let exchange = Exchange(Arc::new(Own { shared: shared.clone(), stream }));
            let work = work.clone();
            // Without a thread the request is dropped, and its exchange resets the stream.
            let _dropped = net::spawn(move || work(exchange, asked));
        }
        if shared.lock().is_over() {
            return Ok(()); // the one that writes says the last word
        }
        shared.wait(WRITE_TIMEOUT, |connection| (connection.waiting() < MAX_WAITING).then_some(()));
    }
    shared.change(Http2Connection::hang_up);
    net::close(&shared.socket)
}

/// The thread that writes.
fn write(shared: &Shared) {
    let mut socket = &shared.socket;
    loop {
        let next = shared.wait(LOOK, |connection| {
            let output = connection.output();
            (!output.is_empty() || connection.is_over()).then_some(output)
        });
        let Some(output) = next else { continue };
        shared.changed.notify_all(); // there is space in an outbox again
        if output.is_empty() || socket.write_all(&output).is_err() {
            break;
        }
    }
    shared.change(Http2Connection::hang_up);
    let _gone = net::close(&shared.socket); // what is said last is to arrive
    let _gone = shared.socket.shutdown(Shutdown::Both);
}

/// One request and its answer: a stream, as the thread that works on it sees it. It may be cloned, for a second thread.
#[derive(Clone)]
pub struct Exchange(Arc<Own>);

struct Own {
    shared: Arc<Shared>,
    stream: u32,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.shared.change(|connection| connection.done(self.stream));
    }
}

impl Exchange {
    /// Begins the answer; `ended` when it has no body.
    pub fn respond(&self, status: u16, fields: &[(&str, &str)], ended: bool) {
        let status = (":status".to_string(), status.to_string());
        let fields = fields.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let fields: Vec<FieldLine> = [status].into_iter().chain(fields).collect();
        self.0.shared.change(|connection| connection.respond(self.0.stream, &fields, ended));
    }

    // ANCHOR: send
    /// Sends a part of the body. It waits while the outbox is full, which is while a window is
    /// closed or the socket takes nothing. A client that reads slowly slows only its own streams.
    ///
    /// # Errors
    /// When the stream has ended.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, false)
    }

    /// The same with the last part: the answer ends with it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_last(&self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, true)
    }

    fn put(&self, mut bytes: &[u8], last: bool) -> io::Result<()> {
        while !bytes.is_empty() {
            let put = self.0.shared.wait(LOOK, |connection| {
                let Some(outbox) = connection.outbox(self.0.stream) else { return Some(None) };
                let here = bytes.len().min(OUTBOX.saturating_sub(outbox.len()));
                outbox.extend_from_slice(&bytes[..here]);
                if last && here == bytes.len() {
                    connection.end(self.0.stream);
                }
                (here > 0).then_some(Some(here))
            });
            match put {
                Some(Some(here)) => bytes = &bytes[here..],
                Some(None) => return Err(ErrorKind::BrokenPipe.into()),
                None => {} // it waits on
            }
            self.0.shared.changed.notify_all();
        }
        Ok(())
    }
    // ANCHOR_END: send

    /// Ends the stream at once.
    pub fn reset(&self, code: ErrorCode) {
        self.0.shared.change(|connection| connection.reset(self.0.stream, code));
    }

    /// Whether the answer may go on.
    pub fn is_open(&self) -> bool {
        self.0.shared.lock().is_open(self.0.stream)
    }

    /// Waits for a part of what the client sends. `Ok(None)`: it has sent all.
    ///
    /// # Errors
    /// `TimedOut` when nothing came in that time, `BrokenPipe` when the stream has ended.
    pub fn read(&self, time: Duration) -> io::Result<Option<Vec<u8>>> {
        let stream = self.0.stream;
        let read = self.0.shared.wait(time, |connection| match connection.read(stream) {
            None => Some(Err(ErrorKind::BrokenPipe.into())),
            Some((bytes, true)) if bytes.is_empty() => Some(Ok(None)),
            Some((bytes, _)) => (!bytes.is_empty()).then_some(Ok(Some(bytes))),
        });
        self.0.shared.changed.notify_all(); // the client gets its window back
        read.unwrap_or(Err(ErrorKind::TimedOut.into()))
    }

    /// What the client said in its first SETTINGS, and how many streams its connection has open.
    pub fn connection(&self) -> (Vec<(u16, u32)>, usize) {
        let connection = self.0.shared.lock();
        (connection.client_settings.clone().unwrap_or_default(), connection.open_streams())
    }

    /// The number of the stream.
    pub fn stream(&self) -> u32 {
        self.0.stream
    }
}
