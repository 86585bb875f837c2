//! Machinery: the page and the opening handshake, on one port. Both are those of the lesson `handshake`.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use demo::Site;
use handshake::page_server::{self, PageAnswer, method_not_allowed, not_found};
use handshake::refusal::Refusal;
use room::Room;

use crate::DEMO;
use crate::rooms::{Rooms, Wish};

/// Serves one connection after its handshake: the socket, what has arrived behind the head, the rooms, what the client wants.
pub type Converse = fn(TcpStream, Vec<u8>, &Rooms, &Wish) -> io::Result<()>;

/// Serves the page, and hands each WebSocket to `converse`.
pub fn serve(
    listener: &TcpListener,
    room: Arc<Room>,
    site: Arc<Site>,
    converse: Converse,
) -> io::Result<()> {
    let rooms = Rooms::new(room);
    page_server::each_request(listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return page_server::answer(&stream, &request, &site, |method, path| {
                match (method, path) {
                    ("GET", "/") => Ok(PageAnswer::page(&DEMO, &request, &site)),
                    (_, "/") => Err(method_not_allowed("GET, HEAD")),
                    _ => Err(not_found()),
                }
            });
        }
        if request.path() != "/" {
            return page_server::refuse(&stream, Refusal::new(404, "The WebSocket is at /."));
        }
        // Host and Origin are checked here: a WebSocket library leaves that to its user.
        if handshake::upgrade(&stream, &request, &site, &["room"])?.is_some() {
            converse(stream, rest, &rooms, &Wish::of(&request))?;
        }
        Ok(())
    })
}
