//! An answer to the second task of the chapter: what a page will need is named before the page is there.
//!
//! Run    `cargo run -p http2 --example hints`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, SideServer, Site, Speaks, Unpackers};
use http2::connection::MAX_STREAMS;
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

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    site.shared.get::<Unpackers>().set_fields(hpack::for_the_wire_view);
    serve_with(&listener, MAX_STREAMS, move |exchange, asked| {
        // ANCHOR: answer
        if (asked.request.method.as_str(), asked.request.path()) == ("GET", "/") {
            let style =
                format!("<http://127.0.0.1:{}/style.css>; rel=preload; as=style", site.bench_port);
            exchange.respond(103, &[("link", &style)], false); // HEADERS without END_STREAM
        }
        http2::answer(exchange, asked, &room, &site) // the answer itself: HEADERS again, and DATA
        // ANCHOR_END: answer
    })
}
