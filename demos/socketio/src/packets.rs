//! Socket.IO 5: a packet says for which namespace it is, what it is, and whether an answer is wanted.
//!
//! ```text
//! 2["hello",1]                                      an event
//! 2/room,12["say","hi"]                             ... in the namespace /room, to be acknowledged as number 12
//! 3/room,12[{"id":7}]                               the acknowledgement
//! 51-["draw",{"_placeholder":true,"num":0}] + bytes  an event with one binary attachment
//! ```
//!
//! Each is the data of an Engine.IO message, so on the wire a `4` stands in front. Source: the Socket.IO protocol, 5th
//! version, "Packet encoding".

use std::sync::Arc;
use std::time::Instant;

use frames::message::DataMessage::{self, Binary, Text};
use serde_json::Value;

use crate::engine::Packet;
use crate::queue::{Allowance, Share};

/// What a packet is. With attachments, an event is sent as type 5 and an acknowledgement as type 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0: joins a namespace; the answer is one, too.
    Connect,
    /// 1: leaves it.
    Disconnect,
    /// 2 or 5: a name and arguments.
    Event,
    /// 3 or 6: the answer to an event.
    Ack,
    /// 4: the namespace does not take the client.
    ConnectError,
}

/// The most attachments of a packet. The official parser has this limit, too: a client could name a billion
/// (CVE-2026-33151).
pub const MAX_ATTACHMENTS: usize = 10;

/// A packet, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketPacket {
    /// What it is.
    pub kind: Kind,
    /// For which namespace; `/` is the main one.
    pub namespace: String,
    /// The number under which an answer is wanted, or which this answers.
    pub id: Option<u64>,
    /// The rest. A placeholder `{"_placeholder":true,"num":0}` stands where an attachment belongs.
    pub data: Value,
    /// The attachments.
    pub attachments: Vec<Vec<u8>>,
}

impl SocketPacket {
    /// A packet without number and attachments.
    pub fn new(kind: Kind, namespace: &str, data: Value) -> Self {
        SocketPacket {
            kind,
            namespace: namespace.to_string(),
            id: None,
            data,
            attachments: Vec::new(),
        }
    }

    // ANCHOR: encode
    /// As messages of Engine.IO: one of text, and one for each attachment.
    pub fn encode(self) -> Vec<Packet> {
        let mut text = match (self.kind, self.attachments.len()) {
            (Kind::Connect, _) => "0".to_string(),
            (Kind::Disconnect, _) => "1".to_string(),
            (Kind::Event, 0) => "2".to_string(),
            (Kind::Ack, 0) => "3".to_string(),
            (Kind::ConnectError, _) => "4".to_string(),
            (Kind::Event, count) => format!("5{count}-"),
            (Kind::Ack, count) => format!("6{count}-"),
        };
        if self.namespace != "/" {
            text += &format!("{},", self.namespace);
        }
        text += &self.id.map(|id| id.to_string()).unwrap_or_default();
        if !self.data.is_null() {
            text += &self.data.to_string();
        }
        let attachments = self.attachments.into_iter().map(Binary);
        [Text(text)].into_iter().chain(attachments).map(Packet::Message).collect()
    }
    // ANCHOR_END: encode

    /// Reads a packet, and how many attachments follow. `None`: it is none, and the receiver must
    /// close the connection.
    fn parse(text: &str) -> Option<(SocketPacket, usize)> {
        let (digit, mut rest) = text.split_at_checked(1)?;
        let (kind, binary) = match digit {
            "0" => (Kind::Connect, false),
            "1" => (Kind::Disconnect, false),
            "2" => (Kind::Event, false),
            "3" => (Kind::Ack, false),
            "4" => (Kind::ConnectError, false),
            "5" => (Kind::Event, true),
            "6" => (Kind::Ack, true),
            _ => return None,
        };
        let mut count = 0;
        if binary {
            let (digits, behind) = rest.split_once('-')?;
            count = number(digits)?.try_into().ok().filter(|count| *count <= MAX_ATTACHMENTS)?;
            rest = behind;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let id = if digits == 0 { None } else { Some(number(&rest[..digits])?) };
        let data = match &rest[digits..] {
            "" => Value::Null,
            json => serde_json::from_str(json).ok()?,
        };
        let packet = SocketPacket { id, data, ..SocketPacket::new(kind, namespace, Value::Null) };
        packet.is_valid(count).then_some((packet, count))
    }

    /// The data that each kind must have ("Exchange protocol"), and no placeholder without its
    /// attachment. An event's name is text, and none that the API uses for itself.
    fn is_valid(&self, attachments: usize) -> bool {
        let shape = match (self.kind, &self.data) {
            (Kind::Connect, data) => data.is_object() || data.is_null(),
            (Kind::Disconnect, data) => data.is_null(),
            (Kind::Event, Value::Array(list)) => {
                list.first().and_then(Value::as_str).is_some_and(|name| !RESERVED.contains(&name))
            }
            (Kind::Ack, Value::Array(_)) => self.id.is_some(),
            _ => false, // only the server sends CONNECT_ERROR
        };
        shape && placeholders(&self.data).iter().all(|num| (*num as usize) < attachments)
    }
}

const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// The numbers of all placeholders in here; one that has no number counts as too high.
fn placeholders(data: &Value) -> Vec<u64> {
    match data {
        Value::Array(list) => list.iter().flat_map(placeholders).collect(),
        Value::Object(object) if object.get("_placeholder") == Some(&Value::Bool(true)) => {
            vec![object.get("num").and_then(Value::as_u64).unwrap_or(u64::MAX)]
        }
        Value::Object(object) => object.values().flat_map(placeholders).collect(),
        _ => Vec::new(),
    }
}

/// This is no packet, or none that may come here: the connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Puts packets together: the attachments of one follow it, and nothing else may come between.
pub struct PacketDecoder {
    begun: Option<Begun>,
    share: Share,
}

struct Begun {
    packet: SocketPacket,
    count: usize,
    since: Instant,
}

impl PacketDecoder {
    /// Holds attachments of `limit` bytes together at most.
    pub fn new(budget: Arc<Allowance>, limit: usize) -> Self {
        PacketDecoder { begun: None, share: Share::new(budget, limit) }
    }

    /// Takes a message. Returns the packet that it completes.
    ///
    /// # Errors
    /// When it is not what must come here.
    pub fn take(&mut self, message: DataMessage) -> Result<Option<SocketPacket>, Unreadable> {
        let mut begun = match (message, self.begun.take()) {
            (Text(text), None) => {
                let (packet, count) = SocketPacket::parse(&text).ok_or(Unreadable)?;
                Begun { packet, count, since: Instant::now() }
            }
            (Binary(bytes), Some(mut begun)) if self.share.take(bytes.len()) => {
                begun.packet.attachments.push(bytes);
                begun
            }
            _ => return Err(Unreadable),
        };
        if begun.packet.attachments.len() < begun.count {
            self.begun = Some(begun);
            return Ok(None);
        }
        self.share.give_back();
        begun.packet.attachments.shrink_to_fit();
        Ok(Some(begun.packet))
    }

    /// When the packet began that still waits for attachments.
    pub fn waits_since(&self) -> Option<Instant> {
        self.begun.as_ref().map(|begun| begun.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder() -> PacketDecoder {
        PacketDecoder::new(Allowance::new(1 << 20), 1_000)
    }

    /// The examples of the protocol's text, with what follows each.
    #[test]
    fn the_examples_of_the_protocol_are_read_and_written_as_they_stand_there() {
        let examples: [(&str, &[&[u8]]); 14] = [
            ("0", &[]),
            (r#"0{"token":"123"}"#, &[]),
            ("0/admin,", &[]),
            (r#"0/admin,{"token":"123"}"#, &[]),
            (r#"2["foo"]"#, &[]),
            (r#"2/admin,["bar"]"#, &[]),
            (r#"51-["baz",{"_placeholder":true,"num":0}]"#, &[b"\x01\x02"]),
            (
                r#"52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
                &[b"a", b"b"],
            ),
            (r#"212["foo"]"#, &[]),
            ("312[]", &[]),
            (r#"2/admin,13["foo"]"#, &[]),
            (r#"51-14["foo",{"_placeholder":true,"num":0}]"#, &[b""]),
            (r#"61-15["bar",{"_placeholder":true,"num":0}]"#, &[b"x"]),
            ("1/admin,", &[]),
        ];
        for (text, attachments) in examples {
            let mut decoder = decoder();
            let messages: Vec<DataMessage> = [Text(text.to_string())]
                .into_iter()
                .chain(attachments.iter().map(|bytes| Binary(bytes.to_vec())))
                .collect();
            let mut read = None;
            for message in messages.clone() {
                assert_eq!(read, None, "{text} is whole too early");
                read = decoder.take(message).unwrap_or_else(|_| panic!("{text} is refused"));
            }
            let written = read.unwrap_or_else(|| panic!("{text} is not whole")).encode();
            assert_eq!(written, messages.into_iter().map(Packet::Message).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        for text in [
            "",
            "7",
            "abc",
            "2",
            "2{}",
            "2[]",
            "2[1]",
            r#"2["connect"]"#,
            r#"2abc["x"]"#,
            "3[]",
            "31",
            r#"312{}"#,
            r#"4{"message":"x"}"#,
            "0[]",
            "0{",
            r#"1["x"]"#,
            r#"5["x"]"#,
            r#"5-["x"]"#,
            r#"5a-["x"]"#,
            r#"5+1-["x"]"#,
            r#"511-["x"]"#,
            r#"599999999999999999999-["x"]"#,
            r#"299999999999999999999["x"]"#,
            r#"2["x",{"_placeholder":true,"num":0}]"#,
            r#"51-["x",{"_placeholder":true,"num":1}]"#,
            r#"51-["x",{"_placeholder":true,"num":-1}]"#,
            r#"51-["x",{"_placeholder":true}]"#,
            "\u{e9}",
        ] {
            assert_eq!(decoder().take(Text(text.to_string())), Err(Unreadable), "{text:?}");
        }
        assert!(
            decoder().take(Text(format!("2{}", "[".repeat(100_000)))).is_err(),
            "deep, and no stack is used up"
        );
    }

    #[test]
    fn attachments_come_right_behind_their_packet_and_have_a_limit() {
        assert_eq!(
            decoder().take(Binary(vec![1])),
            Err(Unreadable),
            "there is no packet in front of it"
        );
        let begin = || {
            let mut decoder = decoder();
            let text = r#"52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
            assert_eq!(decoder.take(Text(text.to_string())), Ok(None));
            assert!(decoder.waits_since().is_some());
            decoder
        };
        assert_eq!(begin().take(Text(r#"2["y"]"#.to_string())), Err(Unreadable));
        let mut decoder = begin();
        assert_eq!(decoder.take(Binary(vec![0; 600])), Ok(None));
        assert_eq!(decoder.take(Binary(vec![0; 600])), Err(Unreadable), "1,000 bytes together");
    }
}
