//! An answer to the second task: who comes with plain HTTP is sent to the same address with https.
//!
//! Run    `cargo run -p wss --example redirect`

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use demo::{Demo, Site};
use handshake::request::{Request, read_head};
use room::Room;
use wss::certificates::{self, Certificates, TITLE};
use wss::terminator::{Inner, Terminator};

const DEMO: Demo = Demo { serve, ..wss::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let certificates = Certificates::open(&certificates::folder()?, TITLE, &wss::names(&site))?;
    let room = Inner { protocol: "http/1.1", address: site.side_address("ws") };
    let mut terminator = Terminator::new(certificates, vec![room], &site);
    terminator.plain = redirect;
    terminator.serve(&listener)
}

// ANCHOR: answer
/// Answers a plain request with 308 (RFC 9110, 15.4.9): the same address with https. The name in
/// `Host` is the client's word: only our own names are taken, or a link through us could lead
/// anywhere.
fn redirect(mut outside: &TcpStream, site: &Site) -> Result<(), String> {
    let mut head = Vec::new();
    let deadline = Instant::now() + site.head_timeout;
    let read = read_head(outside, &mut head, deadline).map_err(|error| error.to_string())?;
    drop(read); // a body is not looked at
    let request = Request::parse(&head).ok();
    let host = request.as_ref().and_then(Request::host).filter(|host| site.is_own_host(host));
    let answer = match (&request, host) {
        (Some(request), Some(host)) if request.target.starts_with('/') => {
            let location = format!("Location: https://{host}{}\r\n", request.target);
            format!("HTTP/1.1 308 Permanent Redirect\r\n{location}")
        }
        _ => "HTTP/1.1 400 Bad Request\r\n".to_string(),
    };
    let rest = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    outside.write_all((answer + rest).as_bytes()).map_err(|error| error.to_string())?;
    net::close(outside).map_err(|error| error.to_string())
}
// ANCHOR_END: answer
