//! An answer to the tasks of the chapter on closing: an end with a reason after ten messages, and long answers in pieces.
//!
//! Run    `cargo run -p frames --example ten`, then `cargo run -p frames --example client -- ws://127.0.0.1:8011/`

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use frames::frame::{Opcode, write_frame};
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
            let out = stream.try_clone()?;
            count_to_ten(WebSocket::new(stream, rest, Role::Server, MAX_MESSAGE), &out);
        }
        Ok(())
    })
}

// ANCHOR: close
/// Answers ten messages and closes with a code of our own: 4000 to 4999 are for that (RFC 6455,
/// 7.4.2). `onclose` in the page gets code and reason.
fn count_to_ten(mut socket: WebSocket, mut out: &TcpStream) {
    for _ in 0..10 {
        let text = loop {
            match socket.read() {
                Next::Message(DataMessage::Text(text)) => break text,
                Next::Message(DataMessage::Binary(_)) | Next::Pong(_) | Next::Timeout => {}
                Next::Gone(_) => return,
            }
        };
        // Only this thread writes, and the socket has answered its pings before it waits: between
        // two frames nothing can stand but another frame.
        if out.write_all(&in_pieces(text.repeat(100).as_bytes())).is_err() {
            return;
        }
    }
    let _ = socket.close(4000, "ten are enough", Duration::from_secs(5));
}
// ANCHOR_END: close

// ANCHOR: pieces
/// A text message in frames of a thousand bytes: the first says what it is, the others continue,
/// the last one has FIN. A cut may fall inside a character: only the whole message has to be UTF-8.
fn in_pieces(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let pieces: Vec<&[u8]> = message.chunks(1_000).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let opcode = if at == 0 { Opcode::Text } else { Opcode::Continuation };
        write_frame(&mut wire, at + 1 == pieces.len(), opcode, None, piece);
    }
    wire
}
// ANCHOR_END: pieces
