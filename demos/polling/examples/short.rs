//! An answer to the first task of the chapter: the shortest head that still does its work.
//!
//! Run    `cargo run -p polling --example short`

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use room::Room;
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..polling::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/messages" => http::get(request, |request| answer(request, &room)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// Writes the answer by hand. Without a length the browser would not know where the body ends. It
/// works without the other fields. (A server with a clock should keep `Date`: RFC 9110, 6.6.1.)
fn answer(request: Request, room: &Room) {
    let body = room.since(http::cursor(&request)).json().to_string();
    let mut out = request.into_writer();
    let written = write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = written.and_then(|()| out.flush()); // an error means that the page has gone
}
// ANCHOR_END: answer
