//! An answer to the tasks of the chapter on frames: an echo in capital letters that counts what a message costs.
//!
//! Run    `cargo run -p frames --example shout`, then `cargo run -p frames --example client -- ws://127.0.0.1:8011/`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use frames::message::{DataMessage, MAX_MESSAGE, Role};
use frames::websocket::{Next, WebSocket};
use handshake::page_server::{self, PageAnswer};
use room::Room;

const DEMO: Demo = Demo { serve, ..frames::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, _: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            let page = |_: &str, _: &str| Ok(PageAnswer::page(&DEMO, &request, &site));
            return page_server::answer(&stream, &request, &site, page);
        }
        if handshake::upgrade(&stream, &request, &site, &["echo"])?.is_some() {
            shout(WebSocket::new(stream, rest, Role::Server, MAX_MESSAGE));
        }
        Ok(())
    })
}

// ANCHOR: shout
fn shout(mut socket: WebSocket) {
    loop {
        match socket.read() {
            Next::Message(DataMessage::Text(text)) => {
                let loud = text.to_uppercase();
                let (up, down) = (head(text.len()) + 4 + text.len(), head(loud.len()) + loud.len());
                socket.answer(&DataMessage::Text(loud));
                let count = format!("{up} bytes up in one frame, {down} down");
                socket.answer(&DataMessage::Text(count));
            }
            Next::Message(DataMessage::Binary(_)) | Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
    }
}
// ANCHOR_END: shout

// ANCHOR: head
/// The bytes in front of a payload of this length, without a masking key: there are three forms.
fn head(length: usize) -> usize {
    match length {
        0..=125 => 2,
        126..=0xffff => 2 + 2,
        _ => 2 + 8,
    }
}
// ANCHOR_END: head
