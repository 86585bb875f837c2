//! Engine.IO 4 and Socket.IO 5: packets in the bodies of polling requests, and in the messages of a WebSocket.
//!
//! ```text
//! 4 2 /room, 0 ["say","hello"]     4: a message; 2: an event; its namespace; its number, for the answer; JSON
//! ```
//!
//! Nothing in a head says that this is spoken. It is told by the path of the request, and by `EIO=4` in its query.

use crate::body::{BodyDecoder, Summary};
use crate::http::MessageHead;
use crate::show::{bytes_of, one_line};
use crate::unit::UnitBuilder;

/// What an Engine.IO message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// What an application makes of it: the path is `/engine.io/`.
    Anything,
    /// Packets of Socket.IO: the path is `/socket.io/`.
    SocketIo,
}

/// Whether this request speaks Engine.IO 4, and for what.
pub(crate) fn asked_by(head: &MessageHead) -> Option<Carries> {
    let (path, query) = head.target().split_once('?')?;
    let carries = match path.rsplit('/').nth(1)? {
        "engine.io" => Carries::Anything,
        "socket.io" => Carries::SocketIo,
        _ => return None,
    };
    query.split('&').any(|pair| pair == "EIO=4").then_some(carries)
}

/// Names the packet in `text`, which stands at the front of the builder's open bytes and ends at offset `to` of the unit.
/// `note` is for its data. Returns what the packet says.
pub(crate) fn name_packet(
    builder: &mut UnitBuilder,
    text: &str,
    to: u64,
    carries: Carries,
    note: &'static str,
) -> String {
    let start = builder.cut_from();
    if let Some(base64) = text.strip_prefix('b') {
        let size = base64.trim_end_matches('=').len() as u64 * 3 / 4;
        builder.cut_at(
            start + 1,
            "binary",
            "b".into(),
            "What follows is bytes, in base64. Over a WebSocket they need none.",
        );
        builder.cut_at(to, "base64", base64.to_string(), note);
        return format!("{} in base64", bytes_of(size));
    }
    let (digit, data) = text.split_at_checked(1).unwrap_or((text, ""));
    let Some(name) =
        index(digit).and_then(|at| ["open", "close", "ping", "pong", "message", "upgrade", "noop"].get(at))
    else {
        builder.cut_at(to, "packet", text.to_string(), "fault: no packet of Engine.IO begins so.");
        return format!("fault: no packet type: {}", one_line(text, 60));
    };
    let role = "What the packet is for: 0 open, 1 close, 2 ping, 3 pong, 4 message, 5 upgrade, 6 noop (Engine.IO 4).";
    builder.cut_at(start + 1, "packet type", format!("{digit} {name}"), role);
    match (*name, carries) {
        ("message", Carries::SocketIo) => name_socket_packet(builder, data, to, note),
        _ => {
            builder.cut_at(to, "data", data.to_string(), note);
            let space = if data.is_empty() { "" } else { " " };
            format!("{name}{space}{}", one_line(data, 90))
        }
    }
}

/// The data of an Engine.IO message that is a packet of Socket.IO.
fn name_socket_packet(builder: &mut UnitBuilder, text: &str, to: u64, note: &'static str) -> String {
    const KINDS: [&str; 7] = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];
    let (digit, mut rest) = text.split_at_checked(1).unwrap_or((text, ""));
    let Some(kind) = index(digit).and_then(|at| KINDS.get(at)) else {
        builder.cut_at(to, "packet", text.to_string(), "fault: no packet of Socket.IO begins so.");
        return format!("fault: no packet type: {}", one_line(text, 60));
    };
    let mut meaning = (*kind).to_string();
    let mut cut = |length: usize, name: &'static str, value: &str, note: &'static str| {
        let end = (builder.cut_from() + length as u64).min(to);
        builder.cut_at(end, name, value.to_string(), note);
    };
    cut(1, "Socket.IO type", &format!("{digit} {kind}"), "What the message is (Socket.IO 5).");
    if kind.starts_with("BINARY")
        && let Some((count, behind)) = rest.split_once('-')
    {
        cut(count.len() + 1, "attachments", count, "So many messages of bytes follow; a hyphen ends the number.");
        meaning += &format!(" with {count} attached");
        rest = behind;
    }
    if rest.starts_with('/') {
        let (namespace, behind) = rest.split_once(',').unwrap_or((rest, ""));
        let length = rest.len() - behind.len();
        cut(
            length,
            "namespace",
            namespace,
            "Which of the conversations on this connection it belongs to. None: the main one, /.",
        );
        meaning += &format!(" in {}", one_line(namespace, 30));
        rest = behind;
    }
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0 {
        let note = "An event with a number wants to be acknowledged; the acknowledgement has the same number.";
        cut(digits, "number", &rest[..digits], note);
        meaning += &format!(", number {}", &rest[..digits]);
        rest = &rest[digits..];
    }
    builder.cut_at(to, "JSON", rest.to_string(), note);
    let colon = if rest.is_empty() { "" } else { ": " };
    format!("{meaning}{colon}{}", one_line(rest, 90))
}

fn index(digit: &str) -> Option<usize> {
    digit.chars().next()?.to_digit(10).map(|digit| digit as usize)
}

/// The body of a polling request or of its answer: packets with the record separator between them.
#[derive(Debug)]
pub(crate) struct Payload {
    carries: Carries,
    /// The unit begins inside a packet.
    inside: bool,
}

impl Payload {
    pub fn new(carries: Carries) -> Self {
        Payload { carries, inside: false }
    }
}

impl BodyDecoder for Payload {
    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool) {
        builder.push(bytes);
        (bytes.len(), false)
    }

    fn finish(&self, builder: &mut UnitBuilder) -> String {
        let kept = builder.open().to_vec();
        let valid = std::str::from_utf8(&kept).map_or_else(|error| error.valid_up_to(), str::len);
        let text = String::from_utf8_lossy(&kept[..valid]).into_owned();
        if text == "ok" && builder.open_len() == 2 {
            builder.cut("answer", text, "The packets of the POST were taken.");
            return "ok: the packets were taken".to_string();
        }
        let mut summary = Summary::default();
        let mut packets = text.split('\u{1e}').peekable();
        let mut first = self.inside;
        while let Some(packet) = packets.next() {
            let last = packets.peek().is_none();
            let to = if last { builder.len() } else { builder.cut_from() + packet.len() as u64 };
            if std::mem::take(&mut first) {
                builder.cut_at(to, "rest of a packet", packet.to_string(), "");
                summary.add("rest of a packet".to_string());
            } else {
                summary.add(name_packet(builder, packet, to, self.carries, ""));
            }
            if !last {
                let note = "Ends a packet: the record separator of ASCII. HTTP has one border for the whole body.";
                builder.cut_at(builder.cut_from() + 1, "separator", "1e".into(), note);
            }
        }
        summary.text(false, "", "nothing")
    }

    fn next_unit(&mut self) {
        self.inside = true;
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, Unit};

    fn named(unit: &Unit) -> Vec<(&str, &str)> {
        unit.fields.iter().map(|field| (&*field.name, &*field.value)).collect()
    }

    fn ask(dissector: &mut Dissector, method: &str, transport: &str, more: &str) {
        let head = format!("{method} /socket.io/?EIO=4&transport={transport}&sid=x HTTP/1.1\r\nHost: a\r\n{more}\r\n");
        dissector.feed(Dir::Up, head.as_bytes());
    }

    fn answer(dissector: &mut Dissector, body: &str) -> Vec<Unit> {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        dissector.feed(Dir::Down, head.as_bytes());
        dissector.feed(Dir::Down, body.as_bytes())
    }

    #[test]
    fn the_packets_of_a_payload_are_named_one_by_one() {
        let mut dissector = Dissector::new();
        ask(&mut dissector, "GET", "polling", "");
        let units = answer(&mut dissector, "42/room,12[\"say\",\"hi\"]\u{1e}2\u{1e}bAQIDBA==");
        assert_eq!(units[0].meaning, "EVENT in /room, number 12: [\"say\",\"hi\"]; ping; 4 bytes in base64");
        assert_eq!(
            named(&units[0]),
            [
                ("packet type", "4 message"),
                ("Socket.IO type", "2 EVENT"),
                ("namespace", "/room"),
                ("number", "12"),
                ("JSON", "[\"say\",\"hi\"]"),
                ("separator", "1e"),
                ("packet type", "2 ping"),
                ("separator", "1e"),
                ("binary", "b"),
                ("base64", "AQIDBA=="),
            ]
        );
        ask(&mut dissector, "POST", "polling", "Content-Length: 4\r\n\r\n40/x");
        assert_eq!(answer(&mut dissector, "ok")[0].meaning, "ok: the packets were taken");
    }

    #[test]
    fn what_is_no_packet_is_called_a_fault() {
        let mut dissector = Dissector::new();
        for (body, meaning) in [
            ("abc", "fault: no packet type: abc"),
            ("49[]", "fault: no packet type: 9[]"),
            ("", ""),
            ("4", "fault: no packet type: "),
        ] {
            ask(&mut dissector, "GET", "polling", "");
            let units = answer(&mut dissector, body);
            assert_eq!(units.first().map_or("", |unit| &unit.meaning), meaning, "{body:?}");
        }
    }

    #[test]
    fn over_a_websocket_a_packet_is_a_message_masked_or_not() {
        let mut dissector = Dissector::new();
        ask(&mut dissector, "GET", "websocket", "Upgrade: websocket\r\nConnection: Upgrade\r\n");
        dissector
            .feed(Dir::Down, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
        let units = dissector.feed(Dir::Up, b"\x81\x86\0\0\0\x002probe");
        assert_eq!(units[0].meaning, "text, 6 bytes, masked: ping probe");
        let units = dissector.feed(Dir::Down, b"\x81\x0c451-/x,[\"a\"]\x82\x02hi");
        assert_eq!(units[0].meaning, "text, 12 bytes: BINARY_EVENT with 1 attached in /x: [\"a\"]");
        assert_eq!(units[1].meaning, "binary, 2 bytes");
    }

    #[test]
    fn other_paths_are_left_alone() {
        let mut dissector = Dissector::new();
        dissector.feed(Dir::Up, b"GET /news?EIO=4 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(answer(&mut dissector, "42[\"x\"]")[0].meaning, "text: 42[\"x\"]");
    }
}
