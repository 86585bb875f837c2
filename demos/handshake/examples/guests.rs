//! An answer to the tasks of the chapter: one foreign page is let in, and a token in the address says who comes.
//!
//! Run    `cargo run -p handshake --example guests`

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use handshake::request::{Refusal, Request};
use handshake::{accept, answer};
use demo::{Demo, Site};
use room::Room;

const DEMO: Demo = Demo { serve, ..handshake::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, _: Arc<Room>) -> io::Result<()> {
    answer::each_connection(listener, serve_one)
}

// ANCHOR: answer
/// The origins besides our own, whole and exact. A check by `contains` or `starts_with` would let in
/// `http://localhost:8000.evil.example`.
const GUESTS: &[&str] = &["http://localhost:8000"];

/// A secret. A real server draws one for each login, and keeps it for a minute: addresses end up in logs, histories and
/// `Referer` fields, which is what is wrong with a secret in an address.
const TOKEN: &str = "open-sesame";

fn serve_one(stream: TcpStream) -> io::Result<()> {
    let Some((mut request, _)) = handshake::read_request(&stream)? else { return Ok(()) };
    if !accept::is_meant(&request) {
        return handshake::page(&stream, &request, &DEMO);
    }
    if request.query("token") != Some(TOKEN) {
        return answer::refuse(&stream, &Refusal::new(403, "Say the word: /socket?token=..."));
    }
    let is_guest = |request: &Request| request.only("Origin").is_some_and(|origin| GUESTS.contains(&origin));
    if is_guest(&request) {
        request.fields.retain(|(name, _)| !name.eq_ignore_ascii_case("Origin")); // checked; the rest is checked as ever
    }
    if handshake::upgrade(&stream, &request, &[])?.is_some() {
        let mut bytes = [0; 1024];
        while (&stream).read(&mut bytes)? > 0 {} // what the bytes mean is the next lesson
    }
    Ok(())
}
// ANCHOR_END: answer
