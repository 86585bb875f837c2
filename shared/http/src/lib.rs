//! What the demos answer with over tiny_http, so that a demo's own file holds its technique and nothing else.
//!
//! [`serve`] hands out requests, one thread each. [`answer`] has the answers of known length, [`Endless`] the one that
//! never ends. [`quirks`] is what tiny_http 0.12 needs around it.

mod answer;
mod endless;
mod pool;
mod quirks;
mod request;
#[cfg(test)]
mod tests;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Method, Request};

pub use answer::{Answer, json, method_not_allowed, not_found, text};
pub use endless::Endless;
pub use request::{MAX_BODY, body, cursor, header, path, query, query_text};

/// Hands every request to `answer`, on a thread of its own: a client that speaks slowly, or does not read, then holds up
/// nothing but itself. Only requests to this server's own names and from its own pages are handed out: the front door has
/// looked already, but a demo's private port is a port, too, and with `--no-bench` there is no front door.
///
/// # Errors
/// When the listener fails: call it again then.
pub fn serve(
    listener: TcpListener,
    site: &Arc<Site>,
    answer: impl Fn(Request) + Send + Sync + 'static,
) -> io::Result<()> {
    let server = Arc::new(tiny_http::Server::from_listener(listener, None).map_err(io::Error::other)?);
    quirks::end_after_a_panic(&server);
    let (pool, answer) = (pool::Pool::default(), Arc::new(answer));
    loop {
        let request = server.recv()?;
        if let (Some(came), Some(peer)) = (&site.request_came, request.remote_addr()) {
            came(*peer);
        }
        let (site, answer) = (site.clone(), answer.clone());
        pool.run(move || match refusal(&request, &site) {
            Some((status, why)) => text(request, status, why),
            None => answer(request),
        });
    }
}

fn refusal(request: &Request, site: &Site) -> Option<(u16, &'static str)> {
    let host = header(request, "Host").unwrap_or("");
    if *request.http_version() >= (1, 1) && !site.is_own_host(host) {
        return Some((421, "This server does not go by that name."));
    }
    let foreign = header(request, "Origin").is_some_and(|origin| !site.is_allowed_origin(origin, host));
    foreign.then_some((403, "A page from another origin may not use this server."))
}

/// Answers a GET; another method gets 405 with the one that the path takes. HEAD is a GET whose answer has no body.
pub fn get(request: Request, answer: impl FnOnce(Request)) {
    match request.method() {
        Method::Get | Method::Head => answer(request),
        _ => method_not_allowed(request, "GET, HEAD"),
    }
}

/// Answers a POST; another method gets 405 with the one that the path takes.
pub fn post(request: Request, answer: impl FnOnce(Request)) {
    match request.method() {
        Method::Post => answer(request),
        _ => method_not_allowed(request, "POST"),
    }
}

/// What every demo answers: its page at `/`, the room's ear at `/say`, and 404 elsewhere.
pub fn common(request: Request, demo: &Demo, site: &Site, room: &Room) {
    match path(&request) {
        "/" => get(request, |request| answer::page(request, demo, site)),
        "/say" => post(request, |request| say(request, room)),
        _ => not_found(request),
    }
}

/// `POST /say`: the request's body is a message. Answers 201 with the message as the room took it.
///
/// A client that may have to say it again sends an `Idempotency-Key` header with a key of its own making: the same key
/// twice is one message.
pub fn say(mut request: Request, room: &Room) {
    let words = match body(&mut request).map(String::from_utf8) {
        Ok(Ok(words)) => words,
        Ok(Err(_)) => return text(request, 400, "A message is UTF-8 text; this is not."),
        Err((status, why)) => return text(request, status, why),
    };
    let key = header(&request, "Idempotency-Key").unwrap_or("").to_string();
    match room.say_once(&key, &words) {
        Ok(message) => json(request, 201, &message.json()),
        Err(refused @ room::Refused::TooLong(_)) => text(request, 413, &refused.to_string()),
        Err(refused @ room::Refused::Away) => {
            let answer = Answer::new(503).field("Retry-After", "1");
            answer.send(request, "text/plain; charset=utf-8", format!("{refused}\n"));
        }
        Err(refused) => text(request, 400, &refused.to_string()),
    }
}
