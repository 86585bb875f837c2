//! Requests, read whole before the demo hears of them, and passed on so that there is only one way to read them.
//!
//! Two parsers that read one request differently are how requests are smuggled (RFC 9112, 11.2). What this one accepts it
//! writes anew: a target in origin form, one `Host`, one `Content-Length` in place of chunks, nothing that is meant for
//! the next hop only.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use demo::Site;
use dissect::http::{MessageFramer, MessageHead, MessageKind, MessagePart, absolute_form};

use super::answers::ErrorAnswer;

/// The longest request body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// All requests together that have not come in whole may hold this many bytes.
const MAX_HELD: usize = 8 * 1024 * 1024;

/// A request that holds no more than this many bytes is never refused for what the others hold.
const ALWAYS_HELD: usize = 4 * 1024;

/// Fields that are for the next hop only (RFC 9110, 7.6.1), or that the front door writes or answers itself.
const NOT_PASSED_ON: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a request's head, and for silence inside its body.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// Between an answer and the next request.
    pub idle: Duration,
    /// Without taking one byte of what waits for it.
    pub stall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Timeouts { head: seconds(10), body: seconds(30), idle: seconds(120), stall: seconds(60) }
    }
}

/// The requests that may come in: which are looked at as the bench's own, and whose names are ours.
pub struct Rules {
    /// Who we are.
    pub site: Site,
    /// The bench itself is asked: by the demo's pages only.
    pub is_bench: bool,
}

/// A request that came in whole, and is all right.
#[derive(Debug)]
pub struct WholeRequest {
    head: MessageHead,
    /// The target in origin form: path and query.
    pub target: String,
    host: String,
    /// The body, without chunks.
    pub body: Vec<u8>,
    has_body: bool,
    /// Whether the client wants to use the connection again.
    keep_alive: bool,
}

impl WholeRequest {
    /// The method.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// The value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    /// Whether the client speaks HTTP/1.0 only.
    pub fn is_1_0(&self) -> bool {
        self.head.version() == "HTTP/1.0"
    }

    /// Whether the connection is over with the answer.
    pub fn wants_close(&self) -> bool {
        !self.keep_alive
    }

    /// The request as the demo gets it.
    pub fn bytes(&self) -> Vec<u8> {
        let version = if self.is_1_0() { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut text = format!("{} {} {version}\r\n", self.method(), self.target);
        if !self.host.is_empty() {
            text += &format!("Host: {}\r\n", self.host);
        }
        for (name, value) in &self.head.fields {
            let known = NOT_PASSED_ON.iter().any(|other| name.eq_ignore_ascii_case(other));
            if !known && !self.head.lists("connection", name) {
                text += &format!("{name}: {value}\r\n");
            }
        }
        match (self.keep_alive, self.is_1_0()) {
            (false, false) => text += "Connection: close\r\n",
            (true, true) => text += "Connection: keep-alive\r\n",
            _ => {}
        }
        if self.has_body {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// What is held of unfinished requests, over all connections; gives its share back when it is dropped.
struct Held {
    own: usize,
    all: Rc<Cell<usize>>,
}

impl Held {
    fn set(&mut self, own: usize) {
        self.all.set(self.all.get() - self.own + own);
        self.own = own;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Reads the requests of one connection.
pub struct RequestReader {
    framing: MessageFramer,
    /// The request in progress, when its head is whole; its body so far.
    request: Option<WholeRequest>,
    held: Held,
    /// Requests that came in whole.
    whole: u64,
    /// When the client's turn began: the connection was opened, or the last answer ended.
    turn: Instant,
    /// When the part in progress, head or body, began.
    began: Instant,
    /// When something came last.
    heard: Instant,
    /// The client waits for a word before it sends its body.
    expects: bool,
}

impl RequestReader {
    /// At the start of a connection. `all_held`: what the readers of all connections hold together, in bytes.
    pub fn new(all_held: Rc<Cell<usize>>, now: Instant) -> Self {
        RequestReader {
            framing: MessageFramer::new(MessageKind::Request),
            request: None,
            held: Held { own: 0, all: all_held },
            whole: 0,
            turn: now,
            began: now,
            heard: now,
            expects: false,
        }
    }

    /// Reads bytes up to the end of a request; says how many, and gives the request if it is whole with them.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn read(
        &mut self,
        bytes: &[u8],
        rules: &Rules,
        now: Instant,
    ) -> Result<(usize, Option<WholeRequest>), ErrorAnswer> {
        if !bytes.is_empty() {
            self.heard = now;
        }
        let mut at = 0;
        while at < bytes.len() {
            if !self.is_begun() {
                self.began = now;
            }
            let before = self.framing.messages();
            let step = self.framing.step(&bytes[at..]);
            let (taken, part) = step.map_err(|malformed| ErrorAnswer::new(malformed.status, malformed.why))?;
            let now_read = &bytes[at..at + taken];
            at += taken;
            match part {
                MessagePart::Head(head) => {
                    let request = check(head, rules)?;
                    self.expects = !request.is_1_0() && request.field("Expect").is_some() && at == bytes.len();
                    self.request = Some(request);
                    self.began = now;
                }
                MessagePart::Body | MessagePart::ChunkData => {
                    self.expects = false;
                    self.extend_body(now_read)?;
                }
                MessagePart::HeadPart => self.hold(self.held.own + taken)?,
                _ => {}
            }
            if self.framing.messages() > before {
                self.held.set(0);
                self.whole += 1;
                self.expects = false;
                return Ok((at, self.request.take()));
            }
        }
        Ok((at, None))
    }

    fn extend_body(&mut self, bytes: &[u8]) -> Result<(), ErrorAnswer> {
        let Some(request) = &mut self.request else { return Ok(()) };
        if request.body.len() + bytes.len() > MAX_BODY {
            return Err(too_long());
        }
        request.body.extend_from_slice(bytes);
        let held = request.body.len();
        self.hold(held)
    }

    fn hold(&mut self, bytes: usize) -> Result<(), ErrorAnswer> {
        self.held.set(bytes);
        if bytes > ALWAYS_HELD && self.held.all.get() > MAX_HELD {
            return Err(ErrorAnswer::new(503, "Too many requests are on their way in. Try again in a moment."));
        }
        Ok(())
    }

    /// Whether a request has begun and is not whole.
    pub fn is_begun(&self) -> bool {
        !self.framing.between_messages()
    }

    /// Whether a request came in whole so far.
    pub fn had_one(&self) -> bool {
        self.whole > 0
    }

    /// Whether the client waits to be told to send its body (RFC 9110, 10.1.1); it is told once.
    pub fn take_expectation(&mut self) -> bool {
        std::mem::take(&mut self.expects)
    }

    /// The client's turn begins: its requests have been answered.
    pub fn answered(&mut self, now: Instant) {
        self.turn = now;
    }

    /// Until when the client has time. `waits`: it has asked and waits for an answer.
    pub fn deadline(&self, timeouts: &Timeouts, waits: bool) -> Option<Instant> {
        match (self.is_begun(), &self.request) {
            (false, _) if waits => None,
            (false, _) if self.had_one() => Some(self.turn + timeouts.idle),
            (false, _) => Some(self.turn + timeouts.head),
            (true, None) if !self.had_one() => Some(self.turn + timeouts.head),
            (true, None) => Some(self.began + timeouts.head),
            (true, Some(_)) => Some((self.began + timeouts.body).min(self.heard + timeouts.head)),
        }
    }
}

fn too_long() -> ErrorAnswer {
    ErrorAnswer::new(413, format!("A request may have a body of {MAX_BODY} bytes at most."))
}

/// Looks at a head: whether it can be read in one way only, and whether it asks us.
fn check(head: MessageHead, rules: &Rules) -> Result<WholeRequest, ErrorAnswer> {
    let refused = |status, why: &str| Err(ErrorAnswer::new(status, why));
    let count = |name| head.values(name).count();
    let plain = |value: &str| value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    if !head.fields.iter().all(|(_, value)| plain(value)) {
        return refused(400, "A header value has printable ASCII characters, spaces and tabs only.");
    }
    let version_1_1 = head.version() == "HTTP/1.1";
    if count("Host") != 1 && (count("Host") > 1 || version_1_1) {
        return refused(400, "A request has one Host header, no more and no less.");
    }
    if count("Origin") > 1 {
        return refused(400, "A request has one Origin header at most.");
    }
    // The framer takes one Content-Length at most, a whole number.
    let length: Option<u64> = head.field("Content-Length").and_then(|length| length.parse().ok());
    if length.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_long());
    }
    let expect = head.field("Expect");
    if version_1_1 && expect.is_some_and(|expect| !expect.eq_ignore_ascii_case("100-continue")) {
        return refused(417, "The only expectation known here is 100-continue.");
    }
    let (host, target) = target(&head)?;
    whose(&head, &host, rules)?;
    if target == "*" {
        return match head.method() {
            "OPTIONS" => refused(204, "These methods are known here (RFC 9110, 9.3.7)."),
            _ => refused(400, "Only OPTIONS asks for all of a server."),
        };
    }
    let keep_alive =
        if version_1_1 { !head.lists("Connection", "close") } else { head.lists("Connection", "keep-alive") };
    let has_body = length.is_some() || head.field("Transfer-Encoding").is_some();
    Ok(WholeRequest { head, target, host, body: Vec::new(), has_body, keep_alive })
}

/// Host and target of a request; of one in absolute form the target says both (RFC 9112, 3.2.2).
fn target(head: &MessageHead) -> Result<(String, String), ErrorAnswer> {
    let target = head.target();
    match absolute_form(target) {
        Some((host, path)) => Ok((host.to_string(), path)),
        None if target.starts_with('/') || target == "*" => {
            Ok((head.field("Host").unwrap_or("").to_string(), target.to_string()))
        }
        None => Err(ErrorAnswer::new(400, "The target of a request is a path, or a URL that begins with http://.")),
    }
}

/// Whether it is us that are asked, and by a page of ours or by no page.
fn whose(head: &MessageHead, host: &str, rules: &Rules) -> Result<(), ErrorAnswer> {
    let site = &rules.site;
    let names_us = head.field("Host").is_some() || !host.is_empty();
    if names_us && !site.is_own_host(host) {
        let why = format!("This server does not go by the name {:?}: ask for 127.0.0.1 or localhost.", clip(host));
        return Err(ErrorAnswer::new(421, why));
    }
    let ours = |origin: &str| match rules.is_bench {
        true => site.is_bench_origin(origin),
        false => site.is_allowed_origin(origin, host),
    };
    match head.field("Origin") {
        Some(origin) if !ours(origin) => {
            return Err(ErrorAnswer::new(403, format!("A page from {:?} may not use this server.", clip(origin))));
        }
        // To a browser, our page on https is another site than this port on http. Its Origin says more.
        Some(_) => return Ok(()),
        None => {}
    }
    // What a page of another site loads without saying its origin, an image say (W3C Fetch Metadata, 2.3). A person who
    // follows a link from there is welcome.
    let says = |name: &str, value: &str| head.field(name).is_some_and(|other| other.eq_ignore_ascii_case(value));
    let follows_a_link = head.method() == "GET"
        && !rules.is_bench
        && says("Sec-Fetch-Mode", "navigate")
        && says("Sec-Fetch-Dest", "document");
    // Styles and pictures are asked for without Origin. Those of the bench are no secret.
    let styles_our_https_page = rules.is_bench
        && !site.tls_ports.is_empty()
        && (says("Sec-Fetch-Dest", "style") || says("Sec-Fetch-Dest", "image"));
    if says("Sec-Fetch-Site", "cross-site") && !follows_a_link && !styles_our_https_page {
        return Err(ErrorAnswer::new(403, "A page of another site may not use this server."));
    }
    Ok(())
}

/// The beginning of what somebody else wrote, for a line that is to stay short.
fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { site: Site::new(([127, 0, 0, 1], 8003).into()), is_bench: false }
    }

    fn reader() -> RequestReader {
        RequestReader::new(Rc::default(), Instant::now())
    }

    /// What the demo gets of a request, or the status code of the refusal.
    fn passed(request: &str) -> Result<String, u16> {
        let (length, read) =
            reader().read(request.as_bytes(), &rules(), Instant::now()).map_err(|refusal| refusal.status)?;
        let whole = read.unwrap_or_else(|| panic!("not whole after {length} bytes: {request:?}"));
        assert_eq!(length, request.len(), "{request:?}");
        Ok(String::from_utf8(whole.bytes()).expect("text"))
    }

    fn post(fields: &str, body: &str) -> Result<String, u16> {
        passed(&format!("POST /say HTTP/1.1\r\nHost: localhost:8003\r\n{fields}\r\n{body}"))
    }

    const PLAIN: &str = "POST /say HTTP/1.1\r\nHost: localhost:8003\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn chunks_become_one_content_length_and_trailers_are_dropped() {
        for body in ["5\r\nhello\r\n0\r\n\r\n", "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nT: 1\r\n\r\n"] {
            assert_eq!(post("Transfer-Encoding: chunked\r\n", body).as_deref(), Ok(PLAIN), "{body:?}");
        }
    }

    #[test]
    fn what_is_for_the_next_hop_is_not_passed_on() {
        let hop = "Connection: Upgrade, HTTP2-Settings, X-Mine\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nX-Mine: 1\r\n\
                   TE: trailers\r\nKeep-Alive: timeout=5\r\nExpect: 100-continue\r\nContent-Length: 5\r\n";
        assert_eq!(post(hop, "hello").as_deref(), Ok(PLAIN));
    }

    #[test]
    fn a_target_in_absolute_form_names_the_host_too() {
        let absolute = |target: &str| passed(&format!("GET {target} HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
        let plain = "GET /wait?after=7 HTTP/1.1\r\nHost: localhost:8003\r\n\r\n";
        assert_eq!(absolute("http://localhost:8003/wait?after=7").as_deref(), Ok(plain));
        assert_eq!(absolute("HTTP://localhost").as_deref(), Ok("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(absolute("http://evil.example/"), Err(421));
        assert_eq!(absolute("ftp://localhost/"), Err(400));
        assert_eq!(absolute("localhost:8003"), Err(400));
    }

    #[test]
    fn a_request_that_can_be_read_in_two_ways_is_refused() {
        let forms = [
            "Content-Length: 5, 5\r\n",
            "Content-Length: 5,5\r\n",
            "Content-Length: 5\u{b}\r\n",
            "Content-Length: 5\u{a0}\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nX-Bell: \u{7}\r\n",
            "Content-Length: 5\r\nOrigin: http://localhost:8003\r\nOrigin: http://localhost:8003\r\n",
        ];
        for fields in forms {
            assert_eq!(post(fields, "hello"), Err(400), "{fields:?}");
        }
        assert_eq!(passed("GET /\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n"), Err(400));
        assert_eq!(passed("GET * HTTP/1.1\r\nHost: localhost\r\n\r\n"), Err(400));
        assert_eq!(passed("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"), Err(204));
    }

    #[test]
    fn chunks_that_another_parser_reads_differently_are_refused() {
        for body in [
            "5;\r\nhello\r\n0\r\n\r\n",
            "5;bad[=x\r\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5;\0ext\r\nhello\r\n0\r\n\r\n",
            "5;a\rb\r\nhello\r\n0\r\n\r\n",
            "0;\n\r\n\r\n",
            "5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(post("Transfer-Encoding: chunked\r\n", body), Err(400), "{body:?}");
        }
    }

    #[test]
    fn another_site_may_send_a_person_here_and_load_nothing() {
        let get = |mode: &str, dest: &str| {
            let site = "Sec-Fetch-Site: cross-site";
            passed(&format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{site}\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {dest}\r\n\r\n"
            ))
        };
        assert!(get("navigate", "document").is_ok());
        assert_eq!(get("navigate", "iframe"), Err(403));
        assert_eq!(get("no-cors", "image"), Err(403));
    }

    #[test]
    fn unfinished_requests_together_have_a_limit_that_small_ones_do_not_feel() {
        let all: Rc<Cell<usize>> = Rc::default();
        let mut readers = Vec::new();
        let begun =
            format!("POST /say HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{}", "x".repeat(50_000));
        let refused = (0..1_000).find(|_| {
            let mut reader = RequestReader::new(all.clone(), Instant::now());
            let refused = reader.read(begun.as_bytes(), &rules(), Instant::now()).is_err();
            readers.push(reader);
            refused
        });
        assert!(refused.is_some_and(|count| count < MAX_HELD / 50_000 + 2));
        let mut small = RequestReader::new(all.clone(), Instant::now());
        assert!(small.read(PLAIN.as_bytes(), &rules(), Instant::now()).is_ok());
        drop(readers);
        assert_eq!(all.get(), 0, "what was held is given back");
    }
}
