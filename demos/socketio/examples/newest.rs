//! An answer to the task of the chapter: only the newest message.
//!
//! Run    `cargo run -p socketio --example newest`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use room::Room;
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..socketio::DEMO };

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
/// Answers with the newest message after the cursor.
fn answer(request: Request, room: &Room) {
    let mut news = room.since(http::cursor(&request)).json();
    if let Some(messages) = news["messages"].as_array_mut() {
        messages.drain(..messages.len().saturating_sub(1));
    }
    http::json(request, 200, &news);
}
// ANCHOR_END: answer
