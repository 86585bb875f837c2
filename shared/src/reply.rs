//! The few answers over tiny_http that demos share, so that a demo's own file holds its technique and nothing else.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tiny_http::{Header, Request, Response, StatusCode};

use crate::{Demo, Refused, Room, bench};

/// The longest request body a demo reads, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A tiny_http server that hands out only requests from this machine's own names and pages.
///
/// The front door has looked at `Host` and `Origin` already; but a demo's private port is a port, too, and with
/// `--no-bench` there is no front door.
struct Server(Arc<tiny_http::Server>);

/// Every server of this process that still lives.
static SERVERS: Mutex<Vec<Weak<tiny_http::Server>>> = Mutex::new(Vec::new());

/// A server on a listener that is open already.
///
/// # Errors
/// When the listener is not fit to listen.
fn server(listener: TcpListener) -> io::Result<Server> {
    let server = Arc::new(tiny_http::Server::from_listener(listener, None).map_err(io::Error::other)?);
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.retain(|other| other.strong_count() > 0);
    servers.push(Arc::downgrade(&server));
    Ok(Server(server))
}

/// Makes every [`serve`] of this process return an error, so that it is called anew.
///
/// The thread that accepts connections inside tiny_http can die of a panic (it unwraps a failed `dup` when there are no
/// more open files), and nobody would ever be told.
pub(crate) fn start_anew() {
    let servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.iter().filter_map(Weak::upgrade).for_each(|server| server.unblock());
}

/// Hands every request to `answer`, on a thread of its own: a client that speaks slowly, or does not read, then holds up
/// nobody but itself.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, answer: impl Fn(Request) + Send + Sync + 'static) -> io::Result<()> {
    let server = server(listener)?;
    let answer = Arc::new(answer);
    loop {
        let request = server.recv()?;
        bench::has_come(request.remote_addr());
        let answer = answer.clone();
        on_a_thread(move || answer(request));
    }
}

impl Server {
    /// Waits for the next request.
    ///
    /// # Errors
    /// When the listener failed: the server is of no more use, a new one on the same listener is.
    fn recv(&self) -> io::Result<Request> {
        loop {
            let request = self.0.recv()?;
            let host = header(&request, "Host").unwrap_or("");
            let from_a_page = header(&request, "Origin");
            if !host.is_empty() && !bench::host_is_ours(host) {
                text(request, 421, "This server does not go by that name.");
            } else if from_a_page.is_some_and(|origin| !bench::may_come_from(origin, host)) {
                text(request, 403, "A page from another origin may not use this server.");
            } else {
                return Ok(request);
            }
        }
    }
}

/// What waits for a thread, and the threads that wait for work.
struct Pool {
    queue: VecDeque<Box<dyn FnOnce() + Send>>,
    idle: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { queue: VecDeque::new(), idle: 0 });

static WORK: Condvar = Condvar::new();

/// A thread that finds no more work for so long ends.
const IDLE: Duration = Duration::from_secs(5);

/// Runs `work` on a thread that has it to itself, with a small stack: one that has just become free, or a new one. When
/// the machine has no thread left, `work` is dropped, and a tiny_http request in it answers 500 by itself.
pub fn on_a_thread(work: impl FnOnce() + Send + 'static) {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.queue.len() < pool.idle {
        pool.queue.push_back(Box::new(work)); // for each piece of work in the queue there is an idle thread
        drop(pool);
        return WORK.notify_one();
    }
    drop(pool);
    // 128 KiB are plenty for a lesson and let a thousand of them wait at once.
    let started = thread::Builder::new().stack_size(128 * 1024).spawn(|| {
        work();
        while let Some(more) = next_work() {
            more();
        }
    });
    if let Err(error) = started {
        eprintln!("no thread for a request: {error}");
    }
}

/// Waits for work, for a while.
fn next_work() -> Option<Box<dyn FnOnce() + Send>> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    pool.idle += 1;
    let waited = WORK.wait_timeout_while(pool, IDLE, |pool| pool.queue.is_empty());
    let (mut pool, _) = waited.unwrap_or_else(PoisonError::into_inner);
    pool.idle -= 1;
    pool.queue.pop_front()
}

/// A number from the query of the request's target: `after` of `/wait?after=7&hold=5`.
pub fn query<T: std::str::FromStr>(request: &Request, name: &str) -> Option<T> {
    query_text(request, name)?.parse().ok()
}

/// The same as text, as it stands in the target: nothing is percent-decoded.
pub fn query_text<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let (_, query) = request.url().split_once('?')?;
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

/// The value of a request header.
pub fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}

/// Answers with the demo's page.
pub fn page(request: Request, demo: &Demo) {
    let html = demo.page.html(header(&request, "Host").unwrap_or("127.0.0.1"));
    send(request, 200, "text/html; charset=utf-8", html, &[]);
}

/// Answers with a JSON value.
pub fn json(request: Request, status: u16, value: &Value) {
    send(request, status, "application/json", value.to_string(), &[]);
}

/// Answers with a line of plain text; also the way to tell an error.
pub fn text(request: Request, status: u16, line: &str) {
    send(request, status, "text/plain; charset=utf-8", format!("{line}\n"), &[]);
}

/// Answers 405 with the methods that this path does take (RFC 9110, 15.5.6).
pub fn method_not_allowed(request: Request, allow: &str) {
    let line = format!("This path takes {allow} only.\n");
    send(request, 405, "text/plain; charset=utf-8", line, &[("Allow", allow)]);
}

/// Answers 404.
pub fn not_found(request: Request) {
    text(request, 404, "There is nothing under this path.");
}

/// `POST /say`: the request's body is a message. Answers 201 with the message as the room took it.
///
/// A client that may have to say it again sends an `Idempotency-Key` header with a key of its own making: the same key
/// twice is one message.
pub fn say(mut request: Request, room: &Room) {
    let mut body = Vec::new();
    match request.as_reader().take(MAX_BODY as u64 + 1).read_to_end(&mut body) {
        Ok(length) if length > MAX_BODY => return text(request, 413, "The room takes 64 KiB at most."),
        Ok(_) => {}
        Err(_) => return text(request, 400, "The body ended before its Content-Length."),
    }
    let Ok(words) = String::from_utf8(body) else {
        return text(request, 400, "A message is UTF-8 text; this is not.");
    };
    let key = header(&request, "Idempotency-Key").unwrap_or("").to_string();
    match room.say_once(&key, &words) {
        Ok(message) => json(request, 201, &message.json()),
        Err(refused @ Refused::Empty) => text(request, 400, &refused.to_string()),
        Err(refused @ Refused::TooLong(_)) => text(request, 413, &refused.to_string()),
    }
}

fn send(request: Request, status: u16, kind: &str, body: String, more: &[(&str, &str)]) {
    let mut response = Response::from_data(body).with_status_code(StatusCode(status));
    let always = [("Content-Type", kind), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")];
    for (name, value) in always.iter().chain(more) {
        if let Ok(header) = Header::from_bytes(*name, *value) {
            response.add_header(header);
        }
    }
    // A client that left before its answer is nobody's fault, and there is nobody to tell.
    let _ = request.respond(response);
}

/// Writes `bytes` as one chunk of a chunked body (RFC 9112, 7.1) and sends it on its way.
///
/// # Errors
/// When the client has gone.
pub fn chunk(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if !bytes.is_empty() {
        write!(out, "{:x}\r\n", bytes.len())?;
        out.write_all(bytes)?;
        out.write_all(b"\r\n")?;
    }
    out.flush()
}

/// Ends a chunked body with the chunk of size 0.
///
/// # Errors
/// When the client has gone.
pub fn last_chunk(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"0\r\n\r\n")?;
    out.flush()
}
