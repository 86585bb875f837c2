//! Forever iframe: an HTML page that never ends, one script for each message.
//!
//! Run    `cargo run -p iframe`, then open <http://127.0.0.1:8004> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /frame?after=9f3c01d2-7` ... `200 text/html` ...
//!        `<script>parent.hear({"id":8,...})</script>` ...
//! Book   `book/src/iframe.md`
//!
//! Left out: logins, storage. Internet Explorer before version 8 had no other way to hear while an
//! answer was still coming. Today this is a technique to look at, not to use.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use http::Endless;
use room::{Gap, Reader, Room};
use tiny_http::Request;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "iframe",
    port: 8004,
    title: "Forever iframe",
    promise: "A hidden frame loads an HTML page that never ends; each message is a script in it that calls out.",
    first: "say something with </script> in it, and look on the wire why nothing breaks",
    page: demo::page!(),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// Seconds between two signs of life, unless the page asks for others.
const BEAT: f64 = 3.0;

/// A document ends after this number of messages and signs of life, unless the page asks for
/// another number.
const SCRIPTS: usize = 30;

/// Bytes of padding in front, unless the page asks for another number. Browsers used to hold back
/// the first bytes of a page until there were enough of them to guess what it is. To guess its
/// encoding they may still wait for 1024 bytes (WHATWG HTML, 13.2.3.2), but not when `Content-Type`
/// names it.
const PADDING: usize = 1024;

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/frame" => http::get(request, |request| answer(request, &room)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

/// Answers `GET /frame?after=CURSOR&scripts=N&beat=SECONDS&padding=BYTES`.
fn answer(request: Request, room: &Arc<Room>) {
    let cursor = http::cursor(&request);
    let scripts =
        http::query(&request, "scripts").filter(|n| (1..=10_000).contains(n)).unwrap_or(SCRIPTS);
    let beat =
        http::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let padding = http::query(&request, "padding").unwrap_or(PADDING).min(64 * 1024);
    let ended = begin(request, padding)
        .and_then(|out| stream(out, room.reader(cursor), scripts, Duration::from_secs_f64(beat)));
    if ended.is_err() {
        eprintln!("a frame was abandoned (after={cursor})");
    }
}

// ANCHOR: begin
/// The start of a page: enough of it for a browser to begin.
fn begin(request: Request, padding: usize) -> io::Result<Endless> {
    let fields = [("X-Frame-Options", "SAMEORIGIN")];
    let mut out = Endless::begin(request, "text/html; charset=utf-8", &fields)?;
    let padding = ".".repeat(padding);
    out.send(format!("<!doctype html>\n<title>messages</title>\n<!--{padding}-->\n"))?;
    Ok(out)
}
// ANCHOR_END: begin

// ANCHOR: stream
/// Writes a script for each message, until the client has gone, which is an error, or until the
/// document has had its number of scripts. A document only grows, so it must end some time. The
/// page then opens the next one, from its cursor on.
fn stream(mut out: Endless, mut reader: Reader, scripts: usize, beat: Duration) -> io::Result<()> {
    let mut news = reader.wait(Duration::ZERO);
    out.send(script("here", &news.place().to_string()))?; // where the document begins
    let mut left = scripts;
    loop {
        for message in news.messages.iter().take(left) {
            out.send(script("hear", &message.json().to_string()))?;
        }
        left = left.saturating_sub(news.messages.len());
        if left == 0 {
            out.send(script("over", ""))?;
            return out.end();
        }
        news = reader.wait(beat);
        if news.gap != Gap::None {
            out.send(script("here", &news.place().to_string()))?;
        } else if news.is_empty() {
            // A sign of life for both sides: the page counts the silence, and to a client that has
            // gone the write fails.
            out.send(script("beat", ""))?;
            left -= 1;
        }
    }
}
// ANCHOR_END: stream

// ANCHOR: script
/// A script that calls a function of the page around the frame. The browser runs it as soon as it
/// has read `</script>`: that is the whole push.
fn script(function: &str, json: &str) -> String {
    format!("<script>parent.{function}({})</script>\n", script_safe(json))
}

/// The same JSON, safe to stand between `<script>` and `</script>`. The browser looks for the end
/// of a script before it looks at the script, so a `</script>` in a message would end it, and the
/// rest of the message would be HTML; `<!--` changes where the end is (WHATWG HTML, 4.12.1.3). In
/// JSON a `<` occurs only inside strings, where an escape means the same. The same holds for U+2028
/// and U+2029, which JavaScript did not allow in a string before 2019. (The demo `jsonp` has the
/// same two lines.)
fn script_safe(json: &str) -> String {
    let json = json.replace('<', "\\u003c");
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
// ANCHOR_END: script
