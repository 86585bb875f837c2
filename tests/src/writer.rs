//! Someone in the room who has no page: says things by `POST /say`, or over a WebSocket where a demo has no such path.

use std::time::Instant;

use serde_json::json;

use crate::websocket::{TEXT, frame, handshake};
use crate::{DEADLINE, Server, Wire};

/// How a demo is told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `POST /say`
    Http,
    /// `{"type":"say",...}` in a text message.
    WebSocket,
}

impl Way {
    /// The way of this demo: an empty message is refused where there is a `POST /say`.
    pub fn of(demo: &Server) -> Way {
        if demo.post("/say", "").status() == 404 { Way::WebSocket } else { Way::Http }
    }
}

/// A connection to say things on.
pub struct Writer {
    wire: Wire,
    way: Way,
}

impl Writer {
    /// Opens a connection.
    pub fn open(demo: &Server, way: Way) -> Writer {
        let wire = match way {
            Way::Http => demo.connect(),
            Way::WebSocket => demo.websocket("/"),
        };
        Writer { wire, way }
    }

    /// Opens a connection while the cable is cut, and repairs this one: all others stay cut.
    pub fn past_a_cut_cable(demo: &Server, way: Way) -> Writer {
        let mut wire = match way {
            Way::Http => demo.get("/nowhere"),
            Way::WebSocket => demo.send(handshake(demo.host(), "/")),
        };
        let bench = demo.bench();
        let deadline = Instant::now() + DEADLINE;
        while bench.connection(wire.name()).is_none() {
            assert!(Instant::now() < deadline, "the bench does not know the writer");
        }
        bench.cable_of(bench.number_of(&wire), "repair");
        match way {
            Way::Http => assert_eq!(wire.answer().0.status, 404),
            Way::WebSocket => assert_eq!(wire.any_head().status, 101),
        }
        Writer { wire, way }
    }

    /// Says something, and waits until the room has taken it.
    pub fn say(&mut self, text: &str) {
        match self.way {
            Way::Http => {
                self.wire.post("/say", &[], text);
                assert_eq!(self.wire.answer().0.status, 201);
            }
            Way::WebSocket => {
                let event = json!({ "type": "say", "text": text, "key": text });
                self.wire.send(frame(TEXT, event.to_string()));
                self.wire.told("said");
            }
        }
    }
}
