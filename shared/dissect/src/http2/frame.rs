//! What is in a frame of HTTP/2, named: all but what is in its stream.

use crate::show::printable;
use crate::unit::UnitBuilder;

/// The bytes in front of a payload.
pub(super) const HEAD: usize = 9;

/// The names of the types (RFC 9113, 6).
const TYPES: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];

/// What stands in front of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameStart {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl FrameStart {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes.first_chunk::<HEAD>()?;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        Some(FrameStart { length, kind, flags, stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]) })
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// `DATA`, or `type 11`.
    pub fn name(&self) -> String {
        TYPES.get(usize::from(self.kind)).map_or_else(|| format!("type {}", self.kind), |name| name.to_string())
    }

    /// Names the first nine bytes.
    pub fn cut(&self, builder: &mut UnitBuilder) {
        let bytes = if self.length == 1 { "byte" } else { "bytes" };
        let note = "How long the payload is (RFC 9113, 4.1).";
        builder.cut_at(3, "length", format!("{} {bytes}", self.length), note);
        builder.cut_at(4, "type", format!("{}: {}", self.kind, self.name()), "What the frame is for (RFC 9113, 6).");
        let set = self.set_flags();
        let words = if set.is_empty() { "none".to_string() } else { set.join(", ") };
        builder.cut_at(5, "flags", format!("{:08b}: {words}", self.flags), "Their meaning depends on the type.");
        let (words, note) = match self.stream {
            0 => ("0: the connection", "Frames about the whole connection are on stream 0."),
            one if one % 2 == 1 => ("", "Odd: opened by the client (RFC 9113, 5.1.1)."),
            _ => ("", "Even: it would be opened by the server, to push (RFC 9113, 5.1.1)."),
        };
        let value = if words.is_empty() { self.stream.to_string() } else { words.to_string() };
        builder.cut_at(HEAD as u64, "stream", value, note);
    }

    fn set_flags(&self) -> Vec<&'static str> {
        let known: &[(u8, &'static str)] = match self.kind {
            0 => &[(1, "END_STREAM"), (8, "PADDED")],
            1 => &[(1, "END_STREAM"), (4, "END_HEADERS"), (8, "PADDED"), (0x20, "PRIORITY")],
            4 | 6 => &[(1, "ACK")],
            9 => &[(4, "END_HEADERS")],
            _ => &[],
        };
        known.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| *name).collect()
    }

    /// Names a payload that is no part of a request or an answer. Says what the frame means.
    pub fn describe(&self, builder: &mut UnitBuilder, payload: &[u8]) -> String {
        let on = if self.stream == 0 { String::new() } else { format!(", stream {}", self.stream) };
        let number = payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let said = match (self.kind, number) {
            (2, _) => cut(builder, "priority", printable(payload), "Out of use since RFC 9113."),
            (3, Some(code)) => cut(builder, "error code", error(code), "Why the stream ends (RFC 9113, 7)."),
            (4, _) => settings(builder, self.has(1), payload),
            (6, _) => {
                let said = if self.has(1) { "the answer" } else { "" };
                cut(builder, "content", printable(payload), "Comes back as it was sent (RFC 9113, 6.7).");
                said.to_string()
            }
            (7, Some(last)) => goaway(builder, last & 0x7fff_ffff, payload),
            (8, Some(more)) => {
                let more = more & 0x7fff_ffff;
                let note = "This number of bytes of DATA more may be sent (RFC 9113, 6.9).";
                cut(builder, "increment", format!("{more} bytes"), note);
                let whose = if self.stream == 0 { " for the connection" } else { "" };
                format!("{more} bytes more{whose}")
            }
            _ => cut(builder, "payload", printable(payload), ""),
        };
        let colon = if said.is_empty() { "" } else { ": " };
        format!("{}{on}{colon}{said}", self.name())
    }
}

/// Names all that has no name yet.
fn cut(builder: &mut UnitBuilder, name: &'static str, value: String, note: &'static str) -> String {
    builder.cut(name, value.clone(), note);
    if value.len() > 60 { String::new() } else { value }
}

fn settings(builder: &mut UnitBuilder, acknowledged: bool, payload: &[u8]) -> String {
    if acknowledged {
        return "acknowledged".to_string();
    }
    let mut said = Vec::new();
    let (pairs, rest) = payload.as_chunks::<6>();
    for (at, &[n0, n1, value @ ..]) in pairs.iter().enumerate() {
        let (number, value) = (u16::from_be_bytes([n0, n1]), u32::from_be_bytes(value));
        let (name, note) = setting(number);
        let name = if name.is_empty() { format!("setting {number}") } else { name.to_string() };
        builder.cut_at((HEAD + 6 * at + 6) as u64, name.clone(), value.to_string(), note);
        said.push(format!("{name} {value}"));
    }
    if !rest.is_empty() {
        builder.cut("rest", printable(rest), "fault: each setting has six bytes (RFC 9113, 6.5)");
    }
    said.join(", ")
}

/// The name of a setting, and what it says.
fn setting(number: u16) -> (&'static str, &'static str) {
    match number {
        1 => ("HEADER_TABLE_SIZE", "The size of the sender's table of header fields, in bytes (RFC 9113, 6.5.2)."),
        2 => ("ENABLE_PUSH", "0: do not push. Browsers say so (RFC 9113, 6.5.2)."),
        3 => {
            ("MAX_CONCURRENT_STREAMS", "The most streams that the other side may have open at once (RFC 9113, 6.5.2).")
        }
        4 => ("INITIAL_WINDOW_SIZE", "Each new stream begins with this window, in bytes (RFC 9113, 6.5.2)."),
        5 => ("MAX_FRAME_SIZE", "The longest payload that the sender takes (RFC 9113, 6.5.2)."),
        6 => ("MAX_HEADER_LIST_SIZE", "The most header fields that the sender takes, in bytes (RFC 9113, 6.5.2)."),
        8 => ("ENABLE_CONNECT_PROTOCOL", "1: a stream may become a WebSocket (RFC 8441, 3)."),
        9 => ("NO_RFC7540_PRIORITIES", "1: the old priorities are not used (RFC 9218, 2.1)."),
        _ => ("", "A setting that is not known is ignored (RFC 9113, 6.5.2)."),
    }
}

fn goaway(builder: &mut UnitBuilder, last: u32, payload: &[u8]) -> String {
    let note = "No stream behind this one was looked at: its request may be sent again (RFC 9113, 6.8).";
    builder.cut_at(HEAD as u64 + 4, "last stream", last.to_string(), note);
    let code = payload.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let code = code.map(error).unwrap_or_default();
    builder.cut_at(HEAD as u64 + 8, "error code", code.clone(), "Why the connection ends (RFC 9113, 7).");
    let why = printable(payload.get(8..).unwrap_or_default());
    builder.cut("why", why.clone(), "For a person who looks for a fault.");
    if why.is_empty() { code } else { format!("{code}: {why}") }
}

fn error(code: u32) -> String {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(code as usize).map_or_else(|| format!("error {code}"), |name| name.to_string())
}
