//! Machinery: the answers that are no lesson of HTTP/2. The page, what is said by POST, and refusals.

use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use demo::Site;
use handshake::page_server::{self, PageAnswer};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::{Cursor, Refused, Room};
use serde_json::{Value, json};

use crate::message::Asked;
use crate::server::Exchange;
use crate::{DEMO, settings};

/// The longest body that is taken, in bytes: a text of the room has 1,000 characters at most.
const MAX_BODY: usize = 64 * 1024;

/// The next part of a body must come within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Refuses a request under a foreign name (DNS rebinding), or of a foreign page.
pub fn check(asked: &Asked, site: &Site) -> Result<(), Refusal> {
    let request = &asked.request;
    let Some(host) = request.only("host") else {
        return Err(Refusal::new(400, "There must be one :authority."));
    };
    if !site.is_own_host(host) {
        return Err(Refusal::new(421, format!("This server is not {host}.")));
    }
    let own = format!("{}://{host}", asked.scheme);
    if request.all("origin").any(|origin| !origin.eq_ignore_ascii_case(&own)) {
        return Err(Refusal::new(403, "A page from another origin may not use this server."));
    }
    page_server::check_fetch_site(request)
}

/// Where a client is: the browser says it when it asks again, the page when it asks first. `newest` is behind all messages.
pub fn cursor(request: &Request, room: &Room) -> Cursor {
    match request.only("last-event-id").or(request.query("after")) {
        Some("newest") => Cursor { life: room.life(), after: room.last() },
        said => said.and_then(|id| id.parse().ok()).unwrap_or(Cursor::START),
    }
}

/// One event of a stream (WHATWG HTML, 9.2.5), as the demo `sse` writes it.
pub fn event(name: &str, id: Option<Cursor>, text: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    let data: String = text.split('\n').map(|line| format!("data: {line}\n")).collect();
    name + &id + &data + "\n"
}

/// `GET /`: the page.
pub fn page(exchange: &Exchange, request: &Request, site: &Site) -> io::Result<()> {
    send(exchange, request, PageAnswer::page(&DEMO, request, site))
}

/// `GET /connection`: what the browser said in its SETTINGS, and how many streams are open.
pub fn connection(exchange: &Exchange, request: &Request) -> io::Result<()> {
    let (said, streams) = exchange.connection();
    let named = said.iter().map(|&(number, value)| (name(number), Value::from(value))).collect();
    let about = json!({ "stream": exchange.stream(), "streams": streams, "settings": Value::Object(named) });
    send(exchange, request, PageAnswer::json(&about))
}

fn name(number: u16) -> String {
    match number {
        settings::HEADER_TABLE_SIZE => "HEADER_TABLE_SIZE".to_string(),
        settings::ENABLE_PUSH => "ENABLE_PUSH".to_string(),
        settings::MAX_CONCURRENT_STREAMS => "MAX_CONCURRENT_STREAMS".to_string(),
        settings::INITIAL_WINDOW_SIZE => "INITIAL_WINDOW_SIZE".to_string(),
        settings::MAX_FRAME_SIZE => "MAX_FRAME_SIZE".to_string(),
        settings::MAX_HEADER_LIST_SIZE => "MAX_HEADER_LIST_SIZE".to_string(),
        settings::ENABLE_CONNECT_PROTOCOL => "ENABLE_CONNECT_PROTOCOL".to_string(),
        other => format!("setting {other}"),
    }
}

/// `POST /say`: the body is a message. 201 with the message as the room took it.
pub fn say(exchange: &Exchange, request: &Request, room: &Room) -> io::Result<()> {
    let said = match body(exchange) {
        Ok(bytes) => String::from_utf8(bytes),
        Err(error) => {
            let refusal = match error.kind() {
                ErrorKind::FileTooLarge => {
                    Refusal::new(413, format!("The body is longer than {MAX_BODY} bytes."))
                }
                ErrorKind::TimedOut => page_server::too_slow(),
                _ => return Err(error),
            };
            return refuse(exchange, request, refusal);
        }
    };
    let Ok(text) = said else {
        return refuse(
            exchange,
            request,
            Refusal::new(400, "A message is UTF-8 text; this is not."),
        );
    };
    match room.say_once(request.only("idempotency-key").unwrap_or(""), &text) {
        Ok(message) => send(exchange, request, PageAnswer::json(&message.json()).with_status(201)),
        Err(refused @ Refused::TooLong(_)) => {
            refuse(exchange, request, Refusal::new(413, refused.to_string()))
        }
        Err(refused) => refuse(exchange, request, Refusal::new(400, refused.to_string())),
    }
}

fn body(exchange: &Exchange) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(bytes) = exchange.read(PATIENCE)? {
        body.extend(bytes);
        if body.len() > MAX_BODY {
            return Err(ErrorKind::FileTooLarge.into());
        }
    }
    Ok(body)
}

/// The refusal of what is not there.
pub fn unknown(method: &str, path: &str) -> Refusal {
    match (method, path) {
        ("CONNECT", _) => {
            Refusal::new(501, "This server opens no tunnel but the WebSocket at /room.")
        }
        (_, "/room") => Refusal::new(400, "A WebSocket in HTTP/2 begins with CONNECT (RFC 8441)."),
        (_, "/say") => page_server::method_not_allowed("POST"),
        (_, "/" | "/events" | "/connection") => page_server::method_not_allowed("GET, HEAD"),
        _ => page_server::not_found(),
    }
}

/// Answers with a refusal.
pub fn refuse(exchange: &Exchange, request: &Request, refusal: Refusal) -> io::Result<()> {
    send(exchange, request, PageAnswer::from(refusal))
}

fn send(exchange: &Exchange, request: &Request, answer: PageAnswer) -> io::Result<()> {
    let (status, kind, body, more) = answer.into_parts();
    let (date, length) = (httpdate::fmt_http_date(SystemTime::now()), body.len().to_string());
    let mut fields = vec![
        ("content-type", kind),
        ("content-length", &length),
        ("date", &date),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    let more: Vec<_> =
        more.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    fields.extend(more.iter().map(|(name, value)| (&**name, &***value)));
    let empty = request.method == "HEAD" || body.is_empty();
    exchange.respond(status, &fields, empty);
    if empty { Ok(()) } else { exchange.send_last(body.as_bytes()) }
}
