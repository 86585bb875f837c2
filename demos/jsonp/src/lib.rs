//! JSONP polling: data from another origin, as a script that calls back.
//!
//! Run    `cargo run -p jsonp`, then open <http://127.0.0.1:8002> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /messages?after=7&callback=jsonp_3`, on another port ... `200 /**/jsonp_3({"messages":[{"id":8,...}]});`
//! Book   `book/src/jsonp.md`
//!
//! Left out: logins, storage. Nothing here asks who may read: a `<script>` of any page may, for it sends no `Origin`.
//! Whoever serves private data like this gives it away.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, SideServer, Site, Speaks};
use room::Room;
use http::Answer;
use tiny_http::Request;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "jsonp",
    port: 8002,
    title: "JSONP polling",
    promise: "The data lies on another origin, which this page may not read; but it may run scripts from there.",
    first: "say something, find the answer on the wire, a call of a function; then make the other server hostile",
    page: demo::page!(),
    speaks: Speaks::Http,
    serve,
    // Another port is another origin (RFC 6454, 4): that is all it takes to be cross-origin.
    side_servers: &[SideServer { name: "data", port: 8102, speaks: Speaks::Http, serve: serve_data }],
};

/// The longest name of a callback, in bytes.
const MAX_NAME: usize = 40;

/// What the hostile answer does before it calls back.
const HOSTILE: &str = include_str!("hostile.js");

/// Serves the page's own origin: the page, and the way to say something. (JSONP can ask; it can't tell. A script is
/// fetched by `GET` and has no body.)
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        _ => http::common(request, &DEMO, &site, &room),
    })
}

/// Serves the other origin: what was said after message ID, as a script or as JSON.
///
/// # Errors
/// When the listener fails.
pub fn serve_data(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/messages" => http::get(request, |request| answer(request, &room, &site, "")),
        "/hostile" => http::get(request, |request| answer(request, &room, &site, HOSTILE)),
        _ => http::not_found(request),
    })
}

// ANCHOR: answer
/// Answers `GET /messages?after=ID&callback=NAME` with a script that calls NAME with the news; without a callback, with
/// the news themselves, for a `fetch`. A hostile server puts what it likes `before` them.
fn answer(request: Request, room: &Room, site: &Site, before: &str) {
    let news = room.since(http::cursor(&request)).json().to_string();
    let name = http::query_text(&request, "callback").map(str::to_string);
    match name.as_deref() {
        None if before.is_empty() => send(request, site, "application/json", news),
        None => send(request, site, JAVASCRIPT, before.to_string() + &news),
        Some(name) if is_a_safe_name(name) => send(request, site, JAVASCRIPT, format!("{before}{}", call(name, &news))),
        Some(_) => {
            let line = format!("A callback's name is 1 to {MAX_NAME} letters, digits and _, and starts with no digit.");
            http::text(request, 400, &line);
        }
    }
}

/// RFC 9239 would have it `text/javascript`; browsers take this older name just as well, and it is the one to meet.
const JAVASCRIPT: &str = "application/javascript; charset=utf-8";
// ANCHOR_END: answer

// ANCHOR: call
/// The script. What the request says becomes code in the asking page, so the name is one that can do nothing but name.
///
/// The empty comment in front keeps the first bytes of the answer ours: a name of letters and digits alone was once
/// enough to make a Flash file of it ("Rosetta Flash", CVE-2014-4671).
fn call(name: &str, json: &str) -> String {
    format!("/**/{name}({});\n", script_safe(json))
}

/// One name: no dots, brackets or quotes, nothing encoded, not too long.
fn is_a_safe_name(name: &str) -> bool {
    let first_is_no_digit = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    first_is_no_digit && name.len() <= MAX_NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The same JSON, safe to stand in a script. In JSON these characters occur inside of strings only, where an escape says
/// the same: `<`, of which `</script` and `<!--` are made, should somebody copy this into HTML; and two kinds of line
/// end, which JavaScript did not allow in a string before 2019.
fn script_safe(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
// ANCHOR_END: call

// ANCHOR: send
/// Sends data, and lets one other origin read it: that of the demo's page (WHATWG Fetch, 3.3, the CORS protocol).
fn send(request: Request, site: &Site, kind: &str, body: String) {
    let page = site.page_origin(http::header(&request, "Host").unwrap_or_default());
    let mut answer = Answer::new(200).field("Vary", "Origin");
    if http::header(&request, "Origin") == Some(&page) {
        answer = answer.field("Access-Control-Allow-Origin", page);
    }
    answer.send(request, kind, body);
}
// ANCHOR_END: send

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_do_nothing_but_name() {
        for good in ["jsonp_3", "_", "callback", &"a".repeat(MAX_NAME)] {
            assert!(is_a_safe_name(good), "{good}");
        }
        for bad in ["", "3a", "a.b", "a[0]", "a(1)", "a;b", "a b", "a%28", "a'", "a\"", "ä", "a\u{2028}", "a<", "$"] {
            assert!(!is_a_safe_name(bad), "{bad}");
        }
        assert!(!is_a_safe_name(&"a".repeat(MAX_NAME + 1)));
    }

    #[test]
    fn the_json_stays_the_same_and_the_script_stays_whole() {
        let json = "{\"text\":\"</script><!-- \u{2028}\u{2029}\"}";
        let safe = script_safe(json);
        assert!(!safe.contains(['<', '\u{2028}', '\u{2029}']), "{safe}");
        let (one, other): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(json).unwrap(), serde_json::from_str(&safe).unwrap());
        assert_eq!(one, other);
    }
}
