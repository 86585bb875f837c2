//! An answer to the tasks of the chapter: one foreign page is let in, and a token in the address says who comes.
//!
//! Run    `cargo run -p handshake --example guests`

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use demo::{Demo, Site};
use handshake::page_server::{self, PageAnswer};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::Room;

const DEMO: Demo = Demo { serve, ..handshake::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, _: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    page_server::each_request(&listener, site.clone(), move |stream, request, _| {
        serve_one(&stream, request, &site)
    })
}

// ANCHOR: answer
/// The origins besides our own, whole and exact. A check by `contains` or `starts_with` would let
/// in `http://localhost:8000.evil.example`.
const GUESTS: &[&str] = &["http://localhost:8000"];

/// A secret. A real server draws one for each login and takes it once, within a minute. For the
/// address of a request ends up in the logs of servers and proxies: that is what is wrong with a
/// secret in an address.
const TOKEN: &str = "open-sesame";

fn serve_one(mut stream: &TcpStream, mut request: Request, site: &Site) -> io::Result<()> {
    if !request.asks_for_websocket() {
        let page = |_: &str, _: &str| Ok(PageAnswer::page(&DEMO, &request, site));
        return page_server::answer(stream, &request, site, page);
    }
    if request.query("token") != Some(TOKEN) {
        return page_server::refuse(stream, Refusal::new(403, "The address lacks the token."));
    }
    if request.only("Origin").is_some_and(|origin| GUESTS.contains(&origin)) {
        // This origin is checked; `upgrade` checks the rest as always.
        request.fields.retain(|(name, _)| !name.eq_ignore_ascii_case("Origin"));
    }
    if handshake::upgrade(stream, &request, site, &[])?.is_some() {
        let mut bytes = [0; 1024];
        while stream.read(&mut bytes)? > 0 {} // what the bytes mean is the next lesson
    }
    Ok(())
}
// ANCHOR_END: answer
