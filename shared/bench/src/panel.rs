//! The bench's own port: style and modules of the pages, the feed of the wire view, the controls of the cable.
//!
//! It has a port of its own so that the wire view shows the demo's traffic and nothing of its own. Behind a front door
//! like the demo's: only this machine's names in `Host`, only the demo's own page in `Origin`.

use std::io::{self, Read};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response};

use super::cable::{Cable, Order};
use super::tap::Tap;
use super::view::View;
use demo::{Demo, Site};
use room::Room;

/// The feed gathers what happens for so long before it writes: sixteen pictures a second are plenty.
const GATHER: Duration = Duration::from_millis(60);

/// On a silent feed a comment goes out this often, so that a page that has gone is noticed.
const BEAT: Duration = Duration::from_secs(5);

/// What the panel shows and steers.
pub struct Panel {
    /// The demo.
    pub demo: &'static Demo,
    /// Its room, to count what was said.
    pub room: Arc<Room>,
    /// Its tap.
    pub tap: Arc<Tap>,
    /// Its wire, decoded.
    pub view: Arc<View>,
    /// Its cable.
    pub cable: Arc<Cable>,
    /// Who we are.
    pub site: Arc<Site>,
}

impl Panel {
    /// Serves the bench port.
    ///
    /// # Errors
    /// When the listener fails.
    pub fn serve(self: &Arc<Self>, listener: TcpListener) -> io::Result<()> {
        let panel = self.clone();
        http::serve(listener, &self.site, move |request| {
            let path = request.url().split('?').next().unwrap_or("").to_string();
            match (request.method(), path.as_str()) {
                (Method::Get, "/feed") => panel.feed(request),
                (Method::Get, "/counters") => answer_json(request, &panel.counters()),
                (Method::Get, "/cable") => answer_json(request, &panel.cable.json()),
                (Method::Post, "/cable") => panel.order(request),
                (_, "/feed" | "/counters") => not_allowed(request, "GET"),
                (_, "/cable") => not_allowed(request, "GET, POST"),
                (Method::Get, file) => panel.file(request, file.trim_start_matches('/')),
                _ => not_allowed(request, "GET"),
            }
        })
    }

    fn counters(&self) -> Value {
        json!({
            "open": self.cable.connections(),
            "opened": self.tap.opened.load(Ordering::Relaxed),
            "requests": self.tap.requests.load(Ordering::Relaxed),
            "up": self.tap.up.load(Ordering::Relaxed),
            "down": self.tap.down.load(Ordering::Relaxed),
            "messages": self.room.last(),
        })
    }

    fn order(&self, mut request: Request) {
        let mut words = String::new();
        if request.as_reader().take(100).read_to_string(&mut words).is_err() {
            return answer(request, 400, "text/plain; charset=utf-8", "An order is plain text.\n");
        }
        let connection = http::query_text(&request, "connection").map(str::parse::<u64>);
        let (order, connection) = match (Order::parse(&words), connection) {
            (Err(why), _) => return answer(request, 400, "text/plain; charset=utf-8", format!("{why}\n")),
            (_, Some(Err(_))) => {
                return answer(request, 400, "text/plain; charset=utf-8", "A connection is a number.\n");
            }
            (Ok(order), connection) => (order, connection.and_then(Result::ok)),
        };
        if !self.cable.order(order, connection) {
            return answer(request, 404, "text/plain; charset=utf-8", "There is no such connection (any more).\n");
        }
        answer_json(request, &self.cable.json());
    }

    /// `GET /feed`: Server-Sent Events, from the entry after `Last-Event-ID` on, or, for a page that closed its stream for
    /// a while and can't set that header itself, after `?after=`.
    fn feed(&self, request: Request) {
        let last_event_id = http::header(&request, "Last-Event-ID").and_then(|id| id.parse().ok());
        let cursor = last_event_id.or_else(|| http::query(&request, "after")).unwrap_or(0);
        let cors = cors(&request);
        let fields: Vec<(&str, &str)> = cors.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // A page that closed its feed is the ordinary end of it.
        let _ = http::Endless::begin(request, "text/event-stream", &fields)
            .and_then(|mut out| self.feed_from(cursor, &mut out));
    }

    /// A file of all pages, or of this demo's page alone.
    fn file(&self, request: Request, name: &str) {
        let own = || self.demo.page.assets.iter().find(|(other, _)| *other == name).map(|(_, file)| file.text());
        let kind = match name.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        match elements::file(name).or_else(own) {
            Some(text) => answer(request, 200, kind, text),
            None => answer(request, 404, "text/plain; charset=utf-8", "The bench has no such file.\n"),
        }
    }

    fn feed_from(&self, mut cursor: u64, out: &mut http::Endless) -> io::Result<()> {
        let hello = json!({
            "demo": self.demo.name, "title": self.demo.title, "now": self.tap.now(), "life": self.tap.life(),
        });
        let mut events = format!("retry: 500\nevent: hello\ndata: {hello}\n\n");
        let (mut counters, mut cable, mut changes) = (Value::Null, Value::Null, u64::MAX);
        let mut last_write = Instant::now();
        loop {
            let now = self.cable.changes();
            if std::mem::replace(&mut changes, now) != now {
                let json = self.cable.json();
                if json != cable {
                    events += &format!("event: cable\ndata: {json}\n\n");
                    cable = json;
                }
            }
            let now = self.counters();
            if now != counters {
                events += &format!("event: counters\ndata: {now}\n\n");
                counters = now;
            }
            if events.is_empty() && last_write.elapsed() >= BEAT {
                events += ": beat\n\n";
            }
            if !events.is_empty() {
                out.send(std::mem::take(&mut events))?;
                last_write = Instant::now();
                thread::sleep(GATHER);
            }
            let (entries, lost) = self.view.since(cursor, Duration::from_millis(250));
            if lost > 0 {
                events += &format!("event: lost\ndata: {{\"rows\":{lost}}}\n\n");
            }
            for entry in entries {
                events += &format!("event: {}\nid: {}\ndata: {}\n\n", entry.kind, entry.id, entry.json);
                cursor = entry.id;
            }
        }
    }
}

fn answer_json(request: Request, value: &Value) {
    answer(request, 200, "application/json", format!("{value}\n"));
}

fn not_allowed(request: Request, allow: &str) {
    let mut response = Response::from_string(format!("This path takes {allow} only.\n")).with_status_code(405);
    if let Ok(header) = Header::from_bytes("Allow", allow) {
        response.add_header(header);
    }
    let _ = request.respond(response);
}

fn answer(request: Request, status: u16, kind: &str, body: impl Into<String>) {
    let mut response = Response::from_data(body.into()).with_status_code(status);
    let always = [("Content-Type", kind), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")];
    let headers = always.into_iter().map(|(name, value)| (name, value.to_string())).chain(cors(&request));
    for (name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    let _ = request.respond(response);
}

/// The demo's page lives on another port, which is another origin: the browser wants to read that it may look. Who may
/// not was sent away at the front door.
fn cors(request: &Request) -> Vec<(&'static str, String)> {
    match http::header(request, "Origin") {
        Some(origin) => vec![("Access-Control-Allow-Origin", origin.to_string()), ("Vary", "Origin".to_string())],
        None => Vec::new(),
    }
}
