//! An answer to the first task of the chapter: ten streams at once, and no more.
//!
//! Run    `cargo run -p http2 --example streams_few`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, SideServer, Site, Speaks, Unpackers};
use http2::{hpack, serve_with};
use room::Room;

const DEMO: Demo = Demo {
    side_servers: &[SideServer {
        name: "h2c",
        port: 8118,
        speaks: Speaks::Http2,
        shown: true,
        serve,
    }],
    ..http2::DEMO
};

fn main() {
    bench::run(&DEMO);
}

// ANCHOR: answer
const MAX_STREAMS: usize = 10;
// ANCHOR_END: answer

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    site.shared.get::<Unpackers>().set_fields(hpack::for_the_wire_view);
    serve_with(&listener, MAX_STREAMS, move |exchange, asked| {
        http2::answer(exchange, asked, &room, &site)
    })
}
