//! Someone in the room who has no page: says things by `POST /say`, or over a WebSocket where a demo has no such path.

use std::time::Instant;

use serde_json::json;

use crate::http2::Http2;
use crate::websocket::{TEXT, frame, handshake};
use crate::{DEADLINE, Server, Wire};

/// How a demo is told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `POST /say`
    Http,
    /// `{"type":"say",...}` in a text message.
    WebSocket,
    /// `POST /say` in a stream of HTTP/2.
    Http2,
}

impl Way {
    /// The way of this demo: an empty message is refused where there is a `POST /say`.
    pub fn of(demo: &Server) -> Way {
        if demo.speaks_http2() {
            return Way::Http2;
        }
        if demo.post("/say", "").status() == 404 { Way::WebSocket } else { Way::Http }
    }
}

/// A connection to say things on.
pub struct Writer {
    pen: Pen,
    way: Way,
}

enum Pen {
    Wire(Wire),
    /// With the number of the next stream.
    Http2(Http2, u32),
}

impl Writer {
    /// Opens a connection.
    pub fn open(demo: &Server, way: Way) -> Writer {
        let pen = match way {
            Way::Http => Pen::Wire(demo.connect()),
            Way::WebSocket => Pen::Wire(demo.websocket("/")),
            Way::Http2 => Pen::Http2(demo.http2(), 1),
        };
        Writer { pen, way }
    }

    /// Opens a connection while the cable is cut, and repairs this one: all others stay cut.
    pub fn past_a_cut_cable(demo: &Server, way: Way) -> Writer {
        let mut pen = match way {
            Way::Http => Pen::Wire(demo.get("/nowhere")),
            Way::WebSocket => Pen::Wire(demo.send(handshake(demo.host(), "/"))),
            Way::Http2 => Pen::Http2(demo.http2(), 1),
        };
        let bench = demo.bench();
        let wire = match &pen {
            Pen::Wire(wire) => wire,
            Pen::Http2(client, _) => client.wire(),
        };
        let deadline = Instant::now() + DEADLINE;
        while bench.connection(wire.name()).is_none() {
            assert!(Instant::now() < deadline, "the bench does not know the writer");
        }
        bench.cable_of(bench.number_of(wire), "repair");
        match (way, &mut pen) {
            (Way::Http, Pen::Wire(wire)) => assert_eq!(wire.answer().0.status, 404),
            (_, Pen::Wire(wire)) => assert_eq!(wire.any_head().status, 101),
            (_, Pen::Http2(client, _)) => client.settle(),
        }
        Writer { pen, way }
    }

    /// Says something, and waits until the room has taken it.
    pub fn say(&mut self, text: &str) {
        match (self.way, &mut self.pen) {
            (Way::Http, Pen::Wire(wire)) => {
                wire.post("/say", &[], text);
                assert_eq!(wire.answer().0.status, 201);
            }
            (_, Pen::Wire(wire)) => {
                let event = json!({ "type": "say", "text": text, "key": text });
                wire.send(frame(TEXT, event.to_string()));
                wire.told("said");
            }
            (_, Pen::Http2(client, stream)) => {
                client.say(*stream, text);
                *stream += 2;
            }
        }
    }
}
