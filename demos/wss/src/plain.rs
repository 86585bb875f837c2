//! The plain server: the page, and the room of the lesson `frames`. Clients come here over `ws:`, and the terminator comes
//! with what it has decrypted. The server can't tell the two apart, but by the port in `Host`.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use demo::{SideServer, Site, Speaks};
use frames::message::Role;
use frames::websocket::WebSocket;
use frames::{MAX_EVENT, events};
use handshake::fields::check_host_and_origin;
use handshake::page_server::{self, PageAnswer, method_not_allowed, not_found};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::Room;

use crate::DEMO;
use crate::certificates::{self, Certificates, TITLE};
use crate::sessions::Sessions;

/// The port for `ws:`, and for the terminator.
pub const SERVER: SideServer =
    SideServer { name: "ws", port: 8117, speaks: Speaks::Upgrades, shown: true, serve };

/// Serves it.
///
/// # Errors
/// When there is no place for certificates.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let authority = Certificates::open(&certificates::folder()?, TITLE, &crate::names(&site))?;
    let sessions: Arc<Sessions> = site.shared.get();
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if request.path() == "/tick" {
            return tick(&stream, &request, &site);
        }
        if !request.asks_for_websocket() {
            return page_server::answer(&stream, &request, &site, |method, path| {
                match (method, path) {
                    ("GET", "/") => Ok(PageAnswer::page(&DEMO, &request, &site)),
                    ("GET", "/sessions") => Ok(PageAnswer::json(&sessions.json())),
                    ("GET", "/authority.pem") => authority_file(&authority),
                    (_, "/" | "/sessions" | "/authority.pem") => {
                        Err(method_not_allowed("GET, HEAD"))
                    }
                    _ => Err(not_found()),
                }
            });
        }
        if request.path() != "/" {
            return page_server::refuse(&stream, Refusal::new(404, "The WebSocket is at /."));
        }
        if handshake::upgrade(&stream, &request, &site, &["room"])?.is_some() {
            let socket = WebSocket::new(stream, rest, Role::Server, MAX_EVENT);
            frames::converse(socket, &room, events::cursor(&request));
        }
        Ok(())
    })
}

/// What a browser may be told to trust.
fn authority_file(authority: &Certificates) -> Result<PageAnswer, Refusal> {
    let pem = std::fs::read_to_string(authority.authority_file());
    let pem = pem.map_err(|error| Refusal::new(500, error.to_string()))?;
    Ok(PageAnswer::file("application/x-pem-file", pem))
}

/// An event stream of one event, for the trial with mixed content: a page of ours may read it, also across origins.
fn tick(mut stream: &TcpStream, request: &Request, site: &Site) -> io::Result<()> {
    if let Err(refusal) = check_host_and_origin(request, site) {
        return page_server::refuse(stream, refusal);
    }
    let origin = request.only("Origin").unwrap_or("null");
    let body = "data: tick\n\n";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nVary: Origin\r\n";
    let cors =
        format!("Access-Control-Allow-Origin: {origin}\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head.to_string() + &cors + body).as_bytes())?;
    net::close(stream)
}
