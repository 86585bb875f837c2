//! One WebSocket frame, field by field (RFC 6455, 5.2).
//!
//! ```text
//!  byte 0         byte 1        then, if needed
//!  F RRR OOOO     M LLLLLLL     longer length   masking key   payload
//!  1  3   4       1    7        2 or 8 bytes    4 bytes       ...
//! ```

use super::unpacked::Unpacked;
use crate::engine_io::{self, Carries};
use crate::show::{bytes_of, hex, is_text, one_line, text};
use crate::unit::UnitBuilder;
use crate::{Dir, glossary};

/// All in front of the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    pub fin: bool,
    /// RSV1, RSV2, RSV3 as a number: 0b100, 0b010, 0b001.
    pub rsv: u8,
    pub opcode: u8,
    pub masked: bool,
    /// The 7 bits in byte 1: 126 and 127 say that a longer length follows.
    short: u8,
    /// Bytes of payload.
    pub length: u64,
    pub key: [u8; 4],
    /// Bytes of this head.
    pub size: usize,
}

/// The longest head, in bytes.
pub(crate) const MAX_HEAD: usize = 14;

impl FrameHead {
    /// Reads a head from the front of these bytes; `None` as long as it is not whole.
    pub fn read(bytes: &[u8]) -> Option<FrameHead> {
        let [first, second, rest @ ..] = bytes else { return None };
        let short = second & 0b0111_1111;
        let (length, rest) = match short {
            126 => rest.split_first_chunk().map(|(two, rest)| (u64::from(u16::from_be_bytes(*two)), rest))?,
            127 => rest.split_first_chunk().map(|(eight, rest)| (u64::from_be_bytes(*eight), rest))?,
            short => (u64::from(short), rest),
        };
        let masked = second & 0b1000_0000 != 0;
        let key = if masked { *rest.first_chunk()? } else { [0; 4] };
        let size = bytes.len() - rest.len() + if masked { 4 } else { 0 };
        let (fin, rsv, opcode) = (first & 0b1000_0000 != 0, first >> 4 & 0b111, first & 0b1111);
        Some(FrameHead { fin, rsv, opcode, masked, short, length, key, size })
    }

    /// Close, ping, pong and the reserved ones beside them (5.5).
    pub fn is_control(&self) -> bool {
        self.opcode >= 8
    }

    /// Whether this frame is of a message that an extension has packed.
    pub fn is_packed(&self, context: &FrameContext) -> bool {
        match (self.opcode, context.message) {
            (0, Some(message)) => message.compressed,
            _ => self.rsv & 0b100 != 0,
        }
    }

    fn length_is_minimal(&self) -> bool {
        match self.short {
            126 => self.length >= 126,
            127 => self.length > 0xffff,
            _ => true,
        }
    }

    /// Whether the first bytes, as few as there are, may begin a frame that goes this way.
    pub fn may_begin(bytes: &[u8], dir: Dir) -> bool {
        let first =
            bytes.first().is_none_or(|first| first & 0b0011_0000 == 0 && matches!(first & 0b1111, 0..=2 | 8..=10));
        first && bytes.get(1).is_none_or(|second| (second >> 7 == 1) == (dir == Dir::Up))
    }

    /// Whether a frame that goes this way may well have this head.
    pub fn plausible(&self, dir: Dir, deflate: bool) -> bool {
        let rsv_is_fine = self.rsv == 0 || (deflate && self.rsv == 0b100 && matches!(self.opcode, 1 | 2));
        let control_is_fine = !self.is_control() || (self.fin && self.length <= 125);
        rsv_is_fine
            && control_is_fine
            && matches!(self.opcode, 0..=2 | 8..=10)
            && self.masked == (dir == Dir::Up)
            && self.length_is_minimal()
            && self.length < 1 << 24
    }
}

/// What the frames before this one say about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameContext {
    /// Compression was agreed on (RFC 7692).
    pub deflate: bool,
    /// The message in progress, when its last frame has not come.
    pub message: Option<OpenMessage>,
    /// A close frame has gone this way.
    pub closed: bool,
    /// Frames before this one were not seen.
    pub unsure: bool,
    /// Each message is a packet of Engine.IO.
    pub engine_io: Option<Carries>,
    /// What the compressed payload of this frame says, if it can be told.
    pub unpacked: Option<Unpacked>,
}

/// A message of which a fragment has been seen, and not the last one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenMessage {
    pub opcode: u8,
    pub compressed: bool,
    pub frames: u64,
    pub bytes: u64,
}

impl FrameContext {
    /// Takes note of a frame that has gone by.
    pub fn passed(&mut self, head: &FrameHead) {
        match head.opcode {
            8 => self.closed = true,
            9.. => {}
            0 => {
                if let Some(message) = &mut self.message {
                    message.frames += 1;
                    message.bytes = message.bytes.saturating_add(head.length);
                }
                if head.fin {
                    self.message = None;
                    self.unsure = false;
                }
            }
            opcode => {
                let compressed = head.rsv & 0b100 != 0;
                self.message = (!head.fin).then_some(OpenMessage { opcode, compressed, frames: 1, bytes: head.length });
                self.unsure = false;
            }
        }
    }
}

/// Names the fields of a frame, as far as it is there, and says in one line what it means. The builder begins with the
/// frame's head.
pub(crate) fn describe(builder: &mut UnitBuilder, dir: Dir, context: &FrameContext) -> String {
    let kept = builder.kept().to_vec();
    let Some(head) = FrameHead::read(&kept) else {
        if !kept.is_empty() {
            builder.cut_at(1, FIRST, first_byte(kept[0]), "");
        }
        builder.cut("rest of the head", hex(builder.open()), "The frame's head is not whole yet.");
        return "part of a frame's head".to_string();
    };
    let first_faults = first_byte_faults(&head, context);
    let second_faults = second_byte_faults(&head, dir);
    let mut faults = [&first_faults[..], &second_faults[..]].concat();

    let note = "FIN: the last frame of its message. RSV: for extensions. Opcode: what it is (RFC 6455, 5.2).";
    builder.cut_at(1, FIRST, first_byte(kept[0]), note_or_fault(note, &first_faults));

    let length = match head.short {
        126 => "length in the next 2 bytes".to_string(),
        127 => "length in the next 8 bytes".to_string(),
        short => bytes_of(u64::from(short)),
    };
    let mask = if head.masked { "masked" } else { "not masked" };
    let value = format!("{:b} {:07b}: {mask}, {length}", u8::from(head.masked), head.short);
    let note = "MASK: whether a masking key follows; browsers mask, servers do not (RFC 6455, 5.1 and 5.2).";
    builder.cut_at(2, "MASK length", value, note_or_fault(note, &second_faults));
    let longer = match head.short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if longer > 0 {
        let mut found = Vec::new();
        if !head.length_is_minimal() {
            found.push("the length would fit into fewer bytes (5.2)");
        }
        if head.length >> 63 == 1 {
            found.push("the first bit of an 8-byte length must be 0 (5.2)");
        }
        let note = "The longer form of the length, most significant byte first (RFC 6455, 5.2).";
        builder.cut_at(2 + longer, "length", bytes_of(head.length), note_or_fault(note, &found));
        faults.extend(found);
    }
    if head.masked {
        let note = "Random for each frame; byte i of the payload is XORed with byte i mod 4 of it (RFC 6455, 5.3).";
        builder.cut_at(head.size as u64, "masking key", hex(&head.key), note);
    }
    let start = meaning_start(&head, context);
    let (said, found) = payload(builder, &head, 0, context);
    faults.extend(found);
    let faults = if faults.is_empty() { String::new() } else { format!(", fault: {}", faults.join("; ")) };
    format!("{start}{said}{faults}")
}

/// The rest of a frame whose front was not seen: the builder begins with byte `from` of the payload.
pub(crate) fn describe_rest(builder: &mut UnitBuilder, head: &FrameHead, from: u64, context: &FrameContext) -> String {
    let (said, _) = payload(builder, head, from, context);
    format!("rest of a frame: {}{said}", meaning_start(head, context))
}

const FIRST: &str = "FIN RSV opcode";

fn first_byte(byte: u8) -> String {
    let (fin, rsv, opcode) = (byte >> 7, byte >> 4 & 0b111, byte & 0b1111);
    let last = if fin == 1 { "FIN" } else { "more fragments follow" };
    format!("{fin} {rsv:03b} {opcode:04b}: {last}, {}", glossary::opcode(opcode))
}

fn note_or_fault(note: &'static str, faults: &[&str]) -> String {
    if faults.is_empty() { note.to_string() } else { format!("fault: {}", faults.join("; ")) }
}

fn first_byte_faults(head: &FrameHead, context: &FrameContext) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let compressed = context.deflate && head.rsv == 0b100 && !head.is_control() && head.opcode != 0;
    if head.rsv != 0 && !compressed {
        faults.push("an RSV bit is set, and no extension gives it a meaning (5.2)");
    }
    match head.opcode {
        3..=7 | 11.. => faults.push("a reserved opcode (5.2)"),
        0 if context.message.is_none() && !context.unsure => faults.push("there is no message to continue (5.4)"),
        1 | 2 if context.message.is_some() => faults.push("a new message before the last one has ended (5.4)"),
        8.. if !head.fin => faults.push("a control frame must not be in fragments (5.5)"),
        _ => {}
    }
    if context.closed {
        faults.push("nothing may follow a close frame (5.5.1)");
    }
    faults
}

fn second_byte_faults(head: &FrameHead, dir: Dir) -> Vec<&'static str> {
    let mut faults = Vec::new();
    match (dir, head.masked) {
        (Dir::Up, false) => faults.push("a client must mask its frames (5.1)"),
        (Dir::Down, true) => faults.push("a server must not mask its frames (5.1)"),
        _ => {}
    }
    if head.is_control() && head.short > 125 {
        faults.push("a control frame has at most 125 bytes of payload (5.5)");
    }
    faults
}

/// What the frame is, and how long.
fn meaning_start(head: &FrameHead, context: &FrameContext) -> String {
    let size = bytes_of(head.length);
    let masked = if head.masked { ", masked" } else { "" };
    match (head.opcode, context.message) {
        (0, Some(message)) => {
            let last = if head.fin {
                format!(", the last ({} in all)", bytes_of(message.bytes.saturating_add(head.length)))
            } else {
                String::new()
            };
            let name = glossary::opcode(message.opcode);
            format!("fragment {} of a {name} message{last}, {size}{masked}", message.frames + 1)
        }
        (1..=7, _) if !head.fin => format!("fragment 1 of a {} message, {size}{masked}", glossary::opcode(head.opcode)),
        (8, _) => "close".to_string(),
        (3..=7 | 11.., _) => format!("reserved opcode {}, {size}{masked}", head.opcode),
        _ => format!("{}, {size}{masked}", glossary::opcode(head.opcode)),
    }
}

/// Names the payload, which starts at byte `from` of it, and gives what it says and what is wrong with it.
fn payload(
    builder: &mut UnitBuilder,
    head: &FrameHead,
    from: u64,
    context: &FrameContext,
) -> (String, Vec<&'static str>) {
    let mut bytes = builder.open().to_vec();
    for (i, byte) in (from..).zip(&mut bytes) {
        *byte ^= head.key[(i % 4) as usize];
    }
    let len = builder.open_len();
    let complete = from == 0 && bytes.len() as u64 == head.length;
    let note = match (head.masked, from) {
        (true, _) => "On the wire it is masked; the value is what it says without the mask (RFC 6455, 5.3).",
        (false, 0) => "",
        (false, _) => "What lies in front of it was not seen.",
    };
    let opcode = match (head.opcode, context.message) {
        (0, Some(message)) => message.opcode,
        (opcode, _) => opcode,
    };
    if opcode == 8 && from == 0 {
        return close(builder, head, &bytes, complete);
    }
    if context.deflate && opcode < 8 && head.is_packed(context) {
        return compressed(builder, &bytes, opcode, head, context);
    }
    let mut faults = Vec::new();
    if opcode == 1 && complete && head.opcode == 1 && head.fin && std::str::from_utf8(&bytes).is_err() {
        faults.push("text has to be UTF-8 (8.1)");
    }
    let shown_as_text = opcode == 1 || (opcode != 2 && is_text(&bytes));
    if let Some(carries) = context.engine_io.filter(|_| head.opcode == 1 && head.fin && from == 0 && faults.is_empty())
    {
        let said = engine_io::name_packet(builder, &text(&bytes, len), builder.len(), carries, note);
        return (format!(": {said}"), faults);
    }
    let clipped = if len > bytes.len() as u64 { " …" } else { "" };
    let value = if shown_as_text { text(&bytes, len) } else { hex(&bytes) + clipped };
    let colon = if bytes.is_empty() { "" } else { ": " };
    let said = if shown_as_text { format!("{colon}{}", one_line(&value, 60)) } else { String::new() };
    builder.cut("payload", value, note_or_fault(note, &faults));
    (said, faults)
}

/// Names a compressed payload, and beside its bytes what they say.
fn compressed(
    builder: &mut UnitBuilder,
    bytes: &[u8],
    opcode: u8,
    head: &FrameHead,
    context: &FrameContext,
) -> (String, Vec<&'static str>) {
    let Some(Unpacked { bytes: said, len }) = &context.unpacked else {
        builder.cut("payload", hex(bytes), "Compressed (RFC 7692), and shown as it is.");
        return (", compressed".to_string(), Vec::new());
    };
    let value = if opcode == 1 { text(said, *len) } else { hex(said) };
    let note = format!("Compressed (RFC 7692): {}; the value is what they say.", bytes_of(head.length));
    builder.cut("payload", value.clone(), note);
    let colon = if *len == 0 || opcode != 1 { "" } else { ": " };
    let said = if opcode == 1 { one_line(&value, 60) } else { String::new() };
    (format!(", compressed from {}{colon}{said}", bytes_of(*len)), Vec::new())
}

/// Names what a close frame carries: nothing, or a code and a reason (RFC 6455, 5.5.1).
fn close(builder: &mut UnitBuilder, head: &FrameHead, bytes: &[u8], complete: bool) -> (String, Vec<&'static str>) {
    let start = builder.cut_from();
    let Some((code, reason)) = bytes.split_first_chunk::<2>() else {
        let faults = if head.length == 1 { vec!["a close code has 2 bytes (5.5.1)"] } else { Vec::new() };
        builder.cut("close code", hex(bytes), note_or_fault("", &faults));
        return (if head.length == 0 { " without a code".into() } else { String::new() }, faults);
    };
    let code = u16::from_be_bytes(*code);
    let (name, sendable) = glossary::close_code(code);
    let mut faults = Vec::new();
    if !sendable {
        faults.push("this code must not be sent (7.4)");
    }
    let note = note_or_fault("Why the connection ends (RFC 6455, 7.4).", &faults);
    builder.cut_at(start + 2, "close code", format!("{code} {name}"), note);
    let shown = text(reason, builder.open_len());
    let mut wrong = Vec::new();
    if complete && std::str::from_utf8(reason).is_err() {
        wrong.push("the reason has to be UTF-8 (8.1)");
    }
    builder.cut("reason", shown.clone(), note_or_fault("For people, and for logs (RFC 6455, 5.5.1).", &wrong));
    faults.extend(wrong);
    let colon = if reason.is_empty() { "" } else { ": " };
    (format!(" {code} {name}{colon}{}", one_line(&shown, 60)), faults)
}
