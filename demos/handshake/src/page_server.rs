//! Machinery: the small HTTP server beside the socket. It serves the page and what belongs to it, and is not the lesson.
//!
//! Each answer ends its connection: keeping one alive is another lesson.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use demo::{Demo, Site};
use serde_json::Value;

use crate::fields::{check_host_and_origin, upgrade_required};
use crate::refusal::Refusal;
use crate::request::{MAX_HEAD, Request, read_head};

/// A client that takes no byte of what we write for this long is given up.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// An answer of known length.
pub struct PageAnswer {
    status: u16,
    kind: &'static str,
    body: String,
    fields: Vec<(&'static str, String)>,
}

impl PageAnswer {
    /// A demo's page, with the policy that says what the page may load.
    pub fn page(demo: &Demo, request: &Request, site: &Site) -> Self {
        let html = demo.page.html(request.host().unwrap_or(""), site);
        let fields = vec![("Content-Security-Policy", html.policy)];
        PageAnswer { status: 200, kind: "text/html; charset=utf-8", body: html.text, fields }
    }

    /// JSON.
    pub fn json(value: &Value) -> Self {
        PageAnswer {
            status: 200,
            kind: "application/json",
            body: value.to_string(),
            fields: Vec::new(),
        }
    }

    /// The same with another status.
    pub fn with_status(self, status: u16) -> Self {
        PageAnswer { status, ..self }
    }

    /// Status, content type, body and further fields, for a server that writes them in its own way.
    pub fn into_parts(self) -> (u16, &'static str, String, Vec<(&'static str, String)>) {
        (self.status, self.kind, self.body, self.fields)
    }

    /// Text of another type.
    pub fn file(kind: &'static str, body: String) -> Self {
        PageAnswer { status: 200, kind, body, fields: Vec::new() }
    }

    /// The bytes of the answer; for a `HEAD` request, of its head only.
    pub fn serialize(&self, head_only: bool) -> Vec<u8> {
        let upgrade = self.fields.iter().any(|(name, _)| *name == "Upgrade");
        let mut bytes = format!(
            "HTTP/1.1 {status} {reason}\r\nDate: {date}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: {connection}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
            status = self.status,
            reason = reason(self.status),
            date = httpdate::fmt_http_date(SystemTime::now()),
            kind = self.kind,
            length = self.body.len(),
            connection = if upgrade { "close, Upgrade" } else { "close" },
        );
        for (name, value) in &self.fields {
            bytes += &format!("{name}: {value}\r\n");
        }
        bytes += "\r\n";
        if !head_only {
            bytes += &self.body;
        }
        bytes.into_bytes()
    }
}

impl From<Refusal> for PageAnswer {
    fn from(Refusal { status, why, fields }: Refusal) -> Self {
        PageAnswer { status, kind: "text/plain; charset=utf-8", body: why + "\n", fields }
    }
}

/// Accepts connections for ever; hands out the first request of each, and the bytes behind its head.
pub fn each_request(
    listener: &TcpListener,
    site: Arc<Site>,
    serve: impl Fn(TcpStream, Request, Vec<u8>) -> io::Result<()> + Send + Sync + 'static,
) -> ! {
    net::each_connection(listener, move |stream| {
        // An error here is one client that left: the others are served on.
        let _gone = first_request(&stream, site.head_timeout).and_then(|first| match first {
            Some((request, rest)) => serve(stream, request, rest),
            None => Ok(()),
        });
    })
}

/// Reads the first request of a connection. A faulty one is refused; then there is none, as when nothing came.
fn first_request(stream: &TcpStream, timeout: Duration) -> io::Result<Option<(Request, Vec<u8>)>> {
    stream.set_nodelay(true)?; // small messages leave at once, without Nagle's wait for more to fill a packet
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let mut head = Vec::new();
    let refusal = match read_head(stream, &mut head, Instant::now() + timeout) {
        Ok(rest) => match Request::parse(&head) {
            Ok(request) => return Ok(Some((request, rest))),
            Err(refusal) => refusal,
        },
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => too_long(&head),
        Err(error) if net::is_timeout(&error) && !head.is_empty() => too_slow(),
        Err(_) => return Ok(None),
    };
    refuse(stream, refusal).map(|()| None)
}

/// The refusal of a head that was begun and did not come whole in time.
pub fn too_slow() -> Refusal {
    Refusal::new(408, "The rest of the head did not come in time.")
}

/// The refusal of a head that is longer than [`MAX_HEAD`].
pub fn too_long(head: &[u8]) -> Refusal {
    if head[2..].windows(2).any(|two| two == b"\r\n") {
        Refusal::new(431, format!("The head is longer than {MAX_HEAD} bytes."))
    } else {
        Refusal::new(414, format!("The request line is longer than {MAX_HEAD} bytes."))
    }
}

/// Answers an ordinary request with what `answer` returns, if it comes from a page of ours.
///
/// # Errors
/// When the client has gone.
pub fn answer(
    mut stream: &TcpStream,
    request: &Request,
    site: &Site,
    answer: impl FnOnce(&str, &str) -> Result<PageAnswer, Refusal>,
) -> io::Result<()> {
    stream.write_all(&answer_bytes(request, site, answer))?;
    net::close(stream)
}

/// The bytes of the same answer, for a server that writes them in its own way. A HEAD is answered like a GET, without the
/// body (RFC 9110, 9.3.2).
pub fn answer_bytes(
    request: &Request,
    site: &Site,
    answer: impl FnOnce(&str, &str) -> Result<PageAnswer, Refusal>,
) -> Vec<u8> {
    let head_only = request.method == "HEAD";
    let method = if head_only { "GET" } else { &request.method };
    let allowed = check_host_and_origin(request, site).and_then(|()| check_fetch_site(request));
    let answer = allowed.and_then(|()| answer(method, request.path()));
    answer.unwrap_or_else(PageAnswer::from).serialize(head_only)
}

/// Refuses what a foreign page loads without an `Origin`, an image say (W3C Fetch Metadata). A link from there to our page
/// is a navigation, and welcome.
///
/// # Errors
/// 403.
pub fn check_fetch_site(request: &Request) -> Result<(), Refusal> {
    let foreign = request.only("Sec-Fetch-Site") == Some("cross-site");
    if foreign && request.only("Sec-Fetch-Mode") != Some("navigate") {
        return Err(Refusal::new(403, "A page from another site may not load this."));
    }
    Ok(())
}

/// Answers with a refusal.
///
/// # Errors
/// When the client has gone.
pub fn refuse(mut stream: &TcpStream, refusal: Refusal) -> io::Result<()> {
    stream.write_all(&PageAnswer::from(refusal).serialize(false))?;
    net::close(stream)
}

/// The refusal of an ordinary request at a place that speaks WebSocket only.
pub fn speaks_websocket() -> Refusal {
    upgrade_required(Refusal::new(426, "This address speaks WebSocket: ask for an upgrade."))
}

/// The refusal of a method, with those that the path takes (RFC 9110, 15.5.6).
pub fn method_not_allowed(allow: &str) -> Refusal {
    Refusal::new(405, format!("This path takes {allow} only.")).with("Allow", allow)
}

/// The refusal of a path that does not exist.
pub fn not_found() -> Refusal {
    Refusal::new(404, "There is nothing under this path.")
}

/// Reads a request's body: as many bytes as `Content-Length` says, of which `rest` may hold the first.
///
/// # Errors
/// 411 without a length, 413 when it is longer than `limit` bytes, 400 or 408 when it does not come within `timeout`.
pub fn read_body(
    stream: &TcpStream,
    request: &Request,
    mut rest: Vec<u8>,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<u8>, Refusal> {
    if request.all("Transfer-Encoding").next().is_some() {
        return Err(Refusal::new(411, "Send the body with a Content-Length."));
    }
    let length = match (request.only("Content-Length"), request.all("Content-Length").count()) {
        (None, 0) => {
            return Err(Refusal::new(411, "How long is the body? Say it with Content-Length."));
        }
        (Some(digits), _)
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            digits.parse().unwrap_or(usize::MAX)
        }
        _ => return Err(Refusal::new(400, "Content-Length is not one number.")),
    };
    if length > limit {
        return Err(Refusal::new(413, format!("The body is longer than {limit} bytes.")));
    }
    let (deadline, mut chunk) = (Instant::now() + timeout, [0; 4096]);
    while rest.len() < length {
        match net::read_before(stream, &mut chunk, deadline) {
            Ok(0) => return Err(Refusal::new(400, "The body ended before its Content-Length.")),
            Ok(more) => rest.extend_from_slice(&chunk[..more]),
            Err(_) => return Err(Refusal::new(408, "The rest of the body did not come in time.")),
        }
    }
    rest.truncate(length);
    Ok(rest)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
