//! An answer to the first and second task: an event that wants an answer, and a namespace that asks for a token.
//!
//! Run    `cargo run -p socketio --example answers`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use room::{Cursor, Room};
use serde_json::{Value, json};
use socketio::serve_application;
use socketio::sockets::{Application, Event, Io};
use socketio::talk::Talk;

const DEMO: Demo = Demo { serve, ..socketio::DEMO };

fn main() {
    bench::run_with(&DEMO, socketio::options::Timing::default());
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let more = Arc::new(More(Talk::new(room.clone())));
    serve_application(&listener, room, site, more)
}

/// The demo's application, and more.
struct More(Talk);

impl Application for More {
    // ANCHOR: answer-2
    /// The token is asked for once, in the CONNECT packet. The session and its other namespaces
    /// go on when it is wrong.
    fn admits(&self, namespace: &str, auth: &Value) -> Result<(), &'static str> {
        match (namespace, &auth["token"]) {
            ("/secret", Value::String(token)) if token == "open sesame" => Ok(()),
            ("/secret", _) => Err("not authorized"),
            _ => self.0.admits(namespace, auth),
        }
    }
    // ANCHOR_END: answer-2

    // ANCHOR: answer-1
    fn event(&self, io: &mut Io, id: &str, event: Event) {
        if event.name == "upper" {
            let text = event.args.first().and_then(Value::as_str).unwrap_or_default();
            return io.answer(id, &event, vec![json!(text.to_uppercase())]);
        }
        self.0.event(io, id, event);
    }
    // ANCHOR_END: answer-1

    fn recovers(&self, namespace: &str, offset: Option<&str>) -> Option<Cursor> {
        self.0.recovers(namespace, offset)
    }

    fn connected(&self, io: &mut Io, id: &str, auth: &Value, recovered: bool) {
        self.0.connected(io, id, auth, recovered);
    }

    fn acknowledged(&self, io: &mut Io, id: &str, number: u64, answer: Value) {
        self.0.acknowledged(io, id, number, answer);
    }

    fn more(&self, io: &mut Io, id: &str) {
        self.0.more(io, id);
    }

    fn tick(&self, io: &mut Io) {
        self.0.tick(io);
    }
}
