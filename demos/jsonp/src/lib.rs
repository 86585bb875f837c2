//! JSONP polling: data from another origin, as a script that calls back.
//!
//! Run    `cargo run -p jsonp`, then open <http://127.0.0.1:8002> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /messages?after=9f3c01d2-7&callback=jsonp_3`, on another port ...
//!        `200 /**/jsonp_3({"after":8,"life":"9f3c01d2","messages":[{"id":8,...}]});`
//! Book   `book/src/jsonp.md`
//!
//! Left out: logins, storage. This server does not ask who reads: a `<script>` sends no `Origin`,
//! so every page may. A server with private data must not answer like this.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, SideServer, Site, Speaks};
use http::Answer;
use room::Room;
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
    side_servers: &[DATA],
};

/// The other origin: another port is enough to be one (RFC 6454, 4).
pub const DATA: SideServer =
    SideServer { name: "data", port: 8102, speaks: Speaks::Http, shown: true, serve: serve_data };

/// The longest name of a callback, in bytes.
const MAX_NAME: usize = 40;

/// What the hostile answer does before it calls back.
const HOSTILE: &str = include_str!("hostile.js");

/// Serves the page's own origin: the page, and the way to say something. (JSONP can ask and can't
/// tell: a script is fetched by `GET`, without a body.)
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| http::common(request, &DEMO, &site, &room))
}

/// Serves the other origin: what was said after a cursor, as a script or as JSON.
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
/// Answers `GET /messages?after=CURSOR&callback=NAME` with a script that calls NAME with the news;
/// without a callback, with the news itself, for a `fetch`. A hostile server puts a program of
/// its own `before` them.
fn answer(request: Request, room: &Room, site: &Site, before: &str) {
    let news = room.since(http::cursor(&request)).json().to_string();
    let name = http::query_text(&request, "callback").map(str::to_string);
    match name.as_deref() {
        None if before.is_empty() => send(request, site, "application/json", news),
        None => send(request, site, JAVASCRIPT, before.to_string() + &news),
        Some(name) if is_safe(name) => {
            send(request, site, JAVASCRIPT, before.to_string() + &call(name, &news));
        }
        Some(_) => http::text(request, 400, BAD_NAME),
    }
}

const BAD_NAME: &str =
    "A callback is 1 to 40 letters, digits and _, and does not start with a digit.";

/// The name of RFC 9239, section 6, is `text/javascript`. Browsers take this older one as well, and
/// many servers still send it.
const JAVASCRIPT: &str = "application/javascript; charset=utf-8";
// ANCHOR_END: answer

// ANCHOR: call
/// The script. The name in the request becomes code in the page that asks, so it must be a name and
/// nothing more.
///
/// With the empty comment in front, the first bytes of the answer are ours. A name of letters and
/// digits was once enough to make a Flash file of the answer ("Rosetta Flash", CVE-2014-4671).
fn call(name: &str, json: &str) -> String {
    format!("/**/{name}({});\n", script_safe(json))
}

/// One name: no dots, brackets or quotes, nothing encoded, at most `MAX_NAME` bytes.
fn is_safe(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    starts_well && plain && name.len() <= MAX_NAME
}

/// The same JSON, safe to stand in a script. In JSON these characters occur only inside strings,
/// where an escape means the same: `<`, the start of `</script` and `<!--`, in case a page copies
/// this into HTML; and U+2028 and U+2029, which JavaScript did not allow in a string before 2019.
/// (The demo `iframe` has the same two lines.)
fn script_safe(json: &str) -> String {
    let json = json.replace('<', "\\u003c");
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
// ANCHOR_END: call

// ANCHOR: send
/// Sends data, and lets one other origin read it: the origin of the demo's page (WHATWG Fetch, 3.3,
/// the CORS protocol).
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
    fn a_callback_is_one_plain_name() {
        for good in ["jsonp_3", "_", "callback", &"a".repeat(MAX_NAME)] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "",
            "3a",
            "a.b",
            "a[0]",
            "a(1)",
            "a;b",
            "a b",
            "a%28",
            "a'",
            "a\"",
            "ä",
            "a\u{2028}",
            "a<",
            "$",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
        assert!(!is_safe(&"a".repeat(MAX_NAME + 1)));
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
