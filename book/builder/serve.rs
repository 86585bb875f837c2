//! The book's own server: its pages, and on this machine only the buttons that start the demos in them.
//!
//! A request may start a demo when it has the token, which only the book's own pages hold, when it comes from a page of
//! this very origin or from none, and when it asks for a name of this machine. The names that can be started are those of
//! the folders in `demos`; there is no shell anywhere.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use demo::Site;
use http::{Answer, Endless};
use serde_json::json;
use tiny_http::Request;

use crate::runs::{self, Runs, State};
use crate::{build, demos, root};

/// What a page of the book may load: its own files and the demos of this machine. So nothing leaves the machine.
const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://127.0.0.1:* ws://localhost:*; \
     frame-src 'self' http://127.0.0.1:* http://localhost:* https://127.0.0.1:* https://localhost:*; object-src 'none'; base-uri 'self'; form-action 'self'";

/// The server.
pub struct Book {
    /// Where the pages are.
    pages: PathBuf,
    /// When they were built; `None`: they were not.
    built: Mutex<Option<SystemTime>>,
    /// Held for writing while mdBook clears and fills the folder.
    folder: RwLock<()>,
    runs: Arc<Runs>,
    token: String,
}

/// Builds the book, serves it on this port of the loopback address and never returns, but for an error.
///
/// # Errors
/// When the port is taken, the book can't be built, or the listener fails.
pub fn serve(port: u16, pages: &Path) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => io::Error::other(format!(
            "port {port} is taken: stop what runs there, or take any free port: PORT=0 cargo run -p book"
        )),
        _ => error,
    })?;
    let site = Site::new(listener.local_addr()?);
    let port = site.address.port();
    let book = Arc::new(Book {
        pages: pages.to_path_buf(),
        built: Mutex::new(None),
        folder: RwLock::new(()),
        runs: Arc::default(),
        token: token()?,
    });
    book.bring_up_to_date().map_err(io::Error::other)?;
    println!("The book: http://127.0.0.1:{port}");
    println!("Ctrl+C ends it, and every demo that was started from its pages.");
    io::stdout().flush()?;
    // The book stands behind the front door that the demos have: limits, time-outs, Host and Origin.
    let _door = bench::FrontDoor::new(site)?.serve(listener, move |private, site| {
        let book = book.clone();
        http::serve(private, &site, move |request| {
            let book = book.clone();
            // A request for a page may have to build the book first, and that takes a deeper stack than a lesson's.
            std::thread::spawn(move || book.answer(request));
        })
    })?;
    loop {
        std::thread::park();
    }
}

impl Book {
    fn answer(&self, request: Request) {
        let path = http::path(&request).to_string();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts[..] {
            ["demos", ..] if !self.has_token(&request) => {
                http::text(request, 403, "Only the book's own pages may do that.");
            }
            ["demos"] => http::get(request, |request| self.tell(request)),
            ["demos", name, "run"] => http::post(request, |request| self.run(request, name)),
            ["demos", name, "check", task] => http::post(request, |request| self.check(request, name, task)),
            ["demos", name, "stop"] => http::post(request, |request| {
                self.runs.stop(name);
                self.runs.wait_for_the_end(name, Duration::from_secs(5));
                self.tell(request);
            }),
            ["demos", ..] => http::not_found(request),
            ["try", kind @ ("lines" | "events")] => http::get(request, |request| {
                // A page that has left is the ordinary end.
                let _ = try_it(request, kind);
            }),
            _ => http::get(request, |request| self.page(request, &path)),
        }
    }

    fn tell(&self, request: Request) {
        send(request, 200, "application/json", self.runs.json().to_string().as_bytes());
    }

    fn has_token(&self, request: &Request) -> bool {
        let given = http::header(request, "X-Book-Token").unwrap_or("");
        // Compared to the end whatever comes, so that the time it takes tells nothing.
        let differs = given.bytes().zip(self.token.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
        given.len() == self.token.len() && differs == 0
    }

    /// Starts a demo and streams what it writes, a line of JSON for each, until it says its address or ends.
    fn run(&self, request: Request, name: &str) {
        if demos::find(name).is_none() {
            return http::text(request, 404, "There is no such demo.");
        }
        self.start(request, name);
    }

    fn start(&self, request: Request, name: &str) {
        if let Err(error) = self.runs.start(name) {
            return http::text(request, 500, &format!("It does not start: {error}."));
        }
        // A page that has left is the ordinary end; the demo goes on.
        let _ = Endless::begin(request, "application/x-ndjson", &[]).and_then(|out| self.stream(name, out));
    }

    /// Runs the check of a task and streams its words.
    fn check(&self, request: Request, name: &str, task: &str) {
        match task.parse() {
            Ok(task) if demos::find(name).is_some() => self.start(request, &runs::check_of(name, task)),
            _ => http::text(request, 404, "There is no such task."),
        }
    }

    fn stream(&self, name: &str, mut out: Endless) -> io::Result<()> {
        let mut seen = 0;
        while let Some((lines, state)) = self.runs.since(name, seen, Duration::from_secs(1)) {
            seen += lines.len();
            for line in lines {
                out.send(format!("{}\n", json!({ "line": line })))?;
            }
            match state {
                State::Starting => continue,
                State::Running(url) => out.send(format!("{}\n", json!({ "url": url })))?,
                State::Ended(well) => out.send(format!("{}\n", json!({ "ended": true, "well": well })))?,
            }
            break;
        }
        out.end()
    }

    fn page(&self, request: Request, path: &str) {
        let path = if path.ends_with('/') { format!("{path}index.html") } else { path.to_string() };
        let page = path.strip_prefix('/').filter(|page| page.split('/').all(is_plain));
        if path.ends_with(".html")
            && let Err(why) = self.bring_up_to_date()
        {
            return send(
                request,
                500,
                "text/plain; charset=utf-8",
                format!("The book can't be built:\n\n{why}\n").as_bytes(),
            );
        }
        let _reading = self.folder.read().unwrap_or_else(PoisonError::into_inner);
        let found = page.and_then(|page| fs::read(self.pages.join(page)).ok());
        let (status, mut body, path) = match found {
            Some(body) => (200, body, path),
            None => (404, fs::read(self.pages.join("404.html")).unwrap_or_default(), "404.html".to_string()),
        };
        if path.ends_with(".html") {
            let page = String::from_utf8_lossy(&body);
            let mark = format!("<head>\n<meta name=\"book-token\" content=\"{}\">", self.token);
            body = page.replacen("<head>", &mark, 1).into_bytes();
        }
        send(request, status, kind(&path), &body);
    }

    /// Builds the book when something it is made of is newer: an edit needs a reload and nothing else.
    fn bring_up_to_date(&self) -> Result<(), String> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = ["book/src", "book/theme", "book/book.toml", "demos", "shared/elements", "tests/bench"]
            .iter()
            .map(|place| newest(&root().join(place)))
            .max()
            .unwrap_or(SystemTime::UNIX_EPOCH);
        if built.is_some_and(|built| built >= newest) {
            return Ok(());
        }
        let now = SystemTime::now();
        let _writing = self.folder.write().unwrap_or_else(PoisonError::into_inner);
        build(&self.pages).map_err(|error| format!("{error:#}"))?;
        *built = Some(now.max(newest));
        Ok(())
    }
}

/// Whether this part of a path names a file or folder and nothing else: no way up (`..`), no drive (`C:`), nothing hidden.
fn is_plain(part: &str) -> bool {
    !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '%', '\0'])
}

/// `GET /try/lines` and `GET /try/events`: something to listen to, for the page on the browser's side. Five lines or events,
/// half a second apart, and an end; nothing is said that is not in here.
fn try_it(request: Request, kind: &str) -> io::Result<()> {
    let events = kind == "events";
    let resumed: u64 = http::header(&request, "Last-Event-ID").and_then(|id| id.parse().ok()).unwrap_or(0);
    let kind = if events { "text/event-stream" } else { "text/plain; charset=utf-8" };
    let mut out = Endless::begin(request, kind, &[])?;
    for number in (1..=5).map(|count| resumed.saturating_add(count)) {
        out.send(if events { format!("id: {number}\ndata: event {number}\n\n") } else { format!("line {number}\n") })?;
        std::thread::sleep(Duration::from_millis(500));
    }
    out.end()
}

fn newest(place: &Path) -> SystemTime {
    let own = place.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    if place.is_file() {
        return own;
    }
    // A folder's own time changes when files come and go; so does the one the preprocessor writes into.
    let files = fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|path| !path.ends_with("src/bench")).map(|path| newest(&path)).max().unwrap_or(own)
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "text/plain; charset=utf-8",
    }
}

/// Answers with a page or a file of one.
fn send(request: Request, status: u16, kind: &str, body: &[u8]) {
    Answer::new(status)
        .field("X-Frame-Options", "SAMEORIGIN")
        .field("Content-Security-Policy", POLICY)
        .send(request, kind, body);
}

/// 128 random bits, in hexadecimal.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
