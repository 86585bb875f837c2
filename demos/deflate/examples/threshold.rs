//! An answer to a task of the chapter: short messages leave as they are.
//!
//! Run    `cargo run -p deflate --example threshold`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use deflate::extension::InflatingReceiver;
use deflate::negotiation::{Agreed, Window};
use deflate::{Deflater, Inflater, server};
use demo::{Demo, Site};
use frames::message::{Receiver, Role};
use frames::outbox::Pack;
use frames::websocket::{Next, WebSocket};
use handshake::page_server::{self, PageAnswer};
use room::Room;

const DEMO: Demo = Demo { serve, ..deflate::DEMO };

/// The longest message that is taken, in bytes.
const LONGEST: usize = 1 << 20;

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, _: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            let page = |_: &str, _: &str| Ok(PageAnswer::page(&DEMO, &request, &site));
            return page_server::answer(&stream, &request, &site, page);
        }
        let wish = Some(Window::default());
        let Some(agreed) = server::upgrade(&stream, &request, &site, "echo", wish)? else {
            return Ok(());
        };
        let inflater = agreed.map(|Agreed { client, .. }| Inflater::new(client));
        let frames = Receiver::new(Role::Server, LONGEST);
        let receiver = InflatingReceiver::new(frames, inflater, LONGEST);
        let deflater = agreed.map(|Agreed { server, .. }| Deflater::new(server, 6));
        let pack = deflater.map(|deflater| Box::new(Threshold(deflater)) as Box<dyn Pack>);
        echo(WebSocket::with_extension(stream, rest, Role::Server, receiver, pack));
        Ok(())
    })
}

fn echo(mut socket: WebSocket<InflatingReceiver>) {
    loop {
        match socket.read() {
            Next::Message(message) => socket.answer(&message),
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
    }
}

// ANCHOR: answer
/// Compresses messages of 64 bytes and more. A message that leaves as it is does not get into the
/// window, at neither end: so both windows stay the same.
struct Threshold(Deflater);

impl Pack for Threshold {
    fn pack(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        (payload.len() >= 64).then(|| self.0.deflate(payload))
    }
}
// ANCHOR_END: answer
