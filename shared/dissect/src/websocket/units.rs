//! WebSocket (RFC 6455): one unit for each frame, in one direction of a connection behind its `101`.
//!
//! It is a viewer. A frame with a fault is named and stepped over by its length, as if all were well; only after bytes
//! that were not seen does it look for something that may be the head of a frame.

use super::frame::{FrameContext, FrameHead, MAX_HEAD, describe, describe_rest};
use super::unpacked::Unpacker;
use crate::engine_io::Carries;
use crate::text::opaque;
use crate::unit::{UnitBuilder, at_most};
use crate::{Dir, Negotiation, StreamDecoder, Unit, UnpackFrames};

/// One direction of a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketUnits {
    dir: Dir,
    builder: UnitBuilder,
    context: FrameContext,
    stage: FrameStage,
    /// The bytes of the head that is not whole, or that is looked for.
    head: Vec<u8>,
    unpacker: Unpacker,
}

#[derive(Clone, Copy, Debug)]
enum FrameStage {
    Head,
    Payload {
        head: FrameHead,
        /// This many bytes are still to come.
        left: u64,
        /// The builder begins with this byte of the payload, since what lies in front of it was not seen.
        torn: Option<u64>,
    },
    /// Looking for the head of a frame.
    Search,
}

const UNSEEN: &str = "bytes before this were not seen";

impl WebSocketUnits {
    /// From offset `at` of its stream on. `extensions`: what both sides have agreed on; `unpack` reads what they packed.
    pub fn new(dir: Dir, at: u64, extensions: &str, unpack: Option<UnpackFrames>) -> Self {
        let unpacker = Unpacker::new(unpack);
        let context = FrameContext { deflate: extensions.contains("permessage-deflate"), ..FrameContext::default() };
        WebSocketUnits {
            dir,
            builder: UnitBuilder::new(dir, at),
            context,
            stage: FrameStage::Head,
            head: Vec::new(),
            unpacker,
        }
    }

    /// How many bytes have been taken.
    pub fn position(&self) -> u64 {
        self.builder.from() + self.builder.len()
    }

    /// Each message is a packet of Engine.IO.
    pub fn carrying(mut self, engine_io: Option<Carries>) -> Self {
        self.context.engine_io = engine_io;
        self
    }

    /// Ends the frame when nothing of it is left.
    fn ended(&mut self, out: &mut Vec<Unit>) {
        let FrameStage::Payload { head, left: 0, .. } = self.stage else { return };
        if !self.builder.is_empty() {
            out.push(self.unit(&mut self.builder.clone(), true));
            self.start_anew();
        }
        self.context.passed(&head);
        self.context.unpacked = None;
        self.stage = FrameStage::Head;
    }

    /// The builder as a unit.
    fn unit(&self, builder: &mut UnitBuilder, whole: bool) -> Unit {
        let meaning = match self.stage {
            FrameStage::Search => {
                return opaque::run(builder, UNSEEN, whole);
            }
            FrameStage::Payload { head, torn: Some(from), .. } => describe_rest(builder, &head, from, &self.context),
            FrameStage::Payload { left: 1.., head, .. } => {
                let so_far = builder.len() - head.size as u64;
                format!("{}, {so_far} so far", describe(builder, self.dir, &self.context))
            }
            _ => describe(builder, self.dir, &self.context),
        };
        builder.finish("frame", meaning, whole)
    }

    /// Gives what stands unfinished out, for good.
    fn cut_off(&mut self, why: &str, out: &mut Vec<Unit>) {
        if let Some(mut unit) = self.pending() {
            unit.meaning.push_str(why);
            out.push(unit);
            self.start_anew();
            self.head.clear();
        }
    }

    fn take(&mut self, mut rest: &[u8], out: &mut Vec<Unit>) {
        while let Some((&byte, behind)) = rest.split_first() {
            match &mut self.stage {
                FrameStage::Search => {
                    rest = behind;
                    self.look(byte, out);
                }
                FrameStage::Head => {
                    rest = behind;
                    self.builder.push(&[byte]);
                    self.head.push(byte);
                    if let Some(head) = FrameHead::read(&self.head) {
                        self.head.clear();
                        self.stage = FrameStage::Payload { head, left: head.length, torn: None };
                        self.ended(out);
                    }
                }
                FrameStage::Payload { head, left, .. } => {
                    let taken = at_most(rest, *left);
                    self.builder.push(&rest[..taken]);
                    self.unpacker.take(&rest[..taken], head, *left, &mut self.context);
                    *left -= taken as u64;
                    rest = &rest[taken..];
                    self.ended(out);
                }
            }
        }
    }

    /// A byte more in the search.
    fn look(&mut self, byte: u8, out: &mut Vec<Unit>) {
        self.head.push(byte);
        // The head may begin with any of the bytes looked at.
        while !self.head.is_empty() {
            match FrameHead::read(&self.head) {
                None if self.head.len() < MAX_HEAD && FrameHead::may_begin(&self.head, self.dir) => return,
                Some(head) if head.plausible(self.dir, self.context.deflate) => {
                    opaque::flush(&mut self.builder, UNSEEN, out);
                    let rest = std::mem::take(&mut self.head);
                    let (front, behind) = rest.split_at(head.size);
                    self.builder.push(front);
                    self.stage = FrameStage::Payload { head, left: head.length, torn: None };
                    self.ended(out);
                    return self.take(behind, out);
                }
                _ => {
                    let first = self.head.remove(0);
                    opaque::extend(&mut self.builder, &[first], UNSEEN, out);
                }
            }
        }
    }
}

impl StreamDecoder for WebSocketUnits {
    fn feed(&mut self, bytes: &[u8], _negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        self.take(bytes, out);
        bytes.len()
    }

    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.builder
    }

    fn unfinished(&self) -> (&UnitBuilder, &[u8]) {
        let searched: &[u8] = if matches!(self.stage, FrameStage::Search) { &self.head } else { &[] };
        (&self.builder, searched)
    }

    fn describe(&self, builder: &mut UnitBuilder) -> Unit {
        self.unit(builder, false)
    }

    fn interrupted(&mut self, out: &mut Vec<Unit>) {
        if matches!(self.stage, FrameStage::Search) {
            // The bytes looked at may still become a head.
            opaque::flush(&mut self.builder, UNSEEN, out);
        }
    }

    fn lost(&mut self, bytes: u64, _negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        self.cut_off(", the rest was not seen", out);
        self.unpacker = Unpacker::new(None); // its window lacks what was not seen
        self.builder.pass_over(bytes);
        match &mut self.stage {
            FrameStage::Payload { head, left, torn } if bytes <= *left => {
                *left -= bytes;
                *torn = Some(head.length - *left);
                self.ended(out);
            }
            _ => {
                self.stage = FrameStage::Search;
                let FrameContext { deflate, engine_io, .. } = self.context;
                self.context = FrameContext { deflate, engine_io, unsure: true, ..FrameContext::default() };
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        self.cut_off(", cut short: the connection ended here", out);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, KEEP, Unit};

    fn open(extensions: &str) -> Dissector {
        let mut dissector = Dissector::new();
        dissector.feed(Dir::Up, b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n{extensions}\r\n");
        dissector.feed(Dir::Down, answer.as_bytes());
        dissector
    }

    fn meanings(dir: Dir, bytes: &[u8]) -> Vec<String> {
        open("").feed(dir, bytes).into_iter().map(|unit| unit.meaning).collect()
    }

    fn fields(unit: &Unit) -> Vec<(&str, &str)> {
        unit.fields.iter().map(|field| (&*field.name, &*field.value)).collect()
    }

    /// The examples of RFC 6455, 5.7.
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(meanings(Dir::Down, b"\x81\x05Hello"), ["text, 5 bytes: Hello"]);
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(meanings(Dir::Up, masked), ["text, 5 bytes, masked: Hello"]);
        assert_eq!(
            fields(&open("").feed(Dir::Up, masked)[0]),
            [
                ("FIN RSV opcode", "1 000 0001: FIN, text"),
                ("MASK length", "1 0000101: masked, 5 bytes"),
                ("masking key", "37 fa 21 3d"),
                ("payload", "Hello"),
            ]
        );
        assert_eq!(
            meanings(Dir::Down, b"\x01\x03Hel\x80\x02lo"),
            [
                "fragment 1 of a text message, 3 bytes: Hel",
                "fragment 2 of a text message, the last (5 bytes in all), 2 bytes: lo"
            ]
        );
        assert_eq!(meanings(Dir::Down, b"\x89\x05Hello"), ["ping, 5 bytes: Hello"]);
        let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(meanings(Dir::Up, pong), ["pong, 5 bytes, masked: Hello"]);
        assert_eq!(meanings(Dir::Down, &[b"\x82\x7e\x01\x00", &[7; 256][..]].concat()), ["binary, 256 bytes"]);
        let long = [&b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"[..], &[7; 65536]].concat();
        let units = open("").feed(Dir::Down, &long);
        assert_eq!((&*units[0].meaning, units[0].bytes.len()), ("binary, 65536 bytes", KEEP));
        assert_eq!(units[0].fields[2].value, "65536 bytes");
    }

    #[test]
    fn a_close_frame_tells_code_and_reason() {
        let units = open("").feed(Dir::Down, b"\x88\x06\x03\xe9gone");
        assert_eq!(units[0].meaning, "close 1001 going away: gone");
        assert_eq!(fields(&units[0])[2..], [("close code", "1001 going away"), ("reason", "gone")]);
        assert_eq!(meanings(Dir::Down, b"\x88\x00"), ["close without a code"]);
    }

    #[test]
    fn every_fault_is_named_and_the_next_frame_is_found() {
        let good = "text, 2 bytes: ok";
        for (frame, fault) in [
            (&b"\xc1\x00"[..], "an RSV bit is set"),
            (b"\x83\x00", "a reserved opcode"),
            (b"\x8b\x00", "a reserved opcode"),
            (b"\x80\x00", "there is no message to continue"),
            (b"\x09\x00", "a control frame must not be in fragments"),
            (b"\x89\x7e\x00\x7eaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaa", "a control frame has at most 125"),
            (b"\x81\x7e\x00\x01x", "fit into fewer bytes"),
            (b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01x", "fit into fewer bytes"),
            (b"\x81\x81\x00\x00\x00\x00x", "a server must not mask"),
            (b"\x88\x01\x03", "a close code has 2 bytes"),
            (b"\x88\x02\x03\xed", "this code must not be sent"),
            (b"\x88\x03\x03\xe8\xff", "the reason has to be UTF-8"),
            (b"\x81\x01\xff", "text has to be UTF-8"),
        ] {
            let said = meanings(Dir::Down, &[frame, b"\x81\x02ok"].concat());
            assert!(said[0].contains("fault: ") && said[0].contains(fault), "{said:?} does not name: {fault}");
            assert!(said[1].starts_with(good), "{said:?}");
        }
        assert!(meanings(Dir::Up, b"\x81\x02ok")[0].contains("fault: a client must mask its frames"));
        assert!(meanings(Dir::Down, b"\x01\x00\x81\x00")[1].contains("fault: a new message before the last"));
        assert!(meanings(Dir::Down, b"\x88\x00\x81\x00")[1].contains("fault: nothing may follow a close frame"));
        let control_between = meanings(Dir::Down, b"\x01\x01a\x89\x00\x80\x01b");
        assert_eq!(control_between[2], "fragment 2 of a text message, the last (2 bytes in all), 1 byte: b");
    }

    #[test]
    fn a_frame_is_pending_until_it_is_whole_and_a_huge_one_costs_nothing() {
        let mut dissector = open("");
        assert!(dissector.feed(Dir::Down, b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff").is_empty());
        assert_eq!(dissector.pending(Dir::Down).unwrap().meaning, "part of a frame's head");
        assert!(dissector.feed(Dir::Down, b"\xff").is_empty());
        for _ in 0..100 {
            assert!(dissector.feed(Dir::Down, &[1; 10_000]).is_empty());
        }
        let unit = dissector.pending(Dir::Down).unwrap();
        assert_eq!((unit.bytes.len(), unit.size()), (KEEP, 1_000_010));
        assert!(unit.meaning.contains("1000000 so far") && unit.meaning.contains("first bit"), "{}", unit.meaning);
    }

    #[test]
    fn with_compression_agreed_rsv1_is_no_fault() {
        let mut dissector = open("Sec-WebSocket-Extensions: permessage-deflate\r\n");
        assert_eq!(dissector.feed(Dir::Down, b"\xc1\x02\x4a\x04")[0].meaning, "text, 2 bytes, compressed");
    }

    /// A stand-in for an extension: it "unpacks" a message by saying each byte twice.
    #[test]
    fn what_a_compressed_message_says_stands_beside_its_bytes() {
        let twice = |_: &str, _: Dir| -> Option<crate::UnpackFrames> {
            Some(Box::new(|piece, _| Some(piece.iter().flat_map(|byte| [*byte, *byte]).collect())))
        };
        let mut dissector = Dissector::new().unpacking(Box::new(twice));
        dissector.feed(Dir::Up, b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        dissector.feed(Dir::Down, answer);
        let units = dissector.feed(Dir::Down, b"\xc1\x02ab\x81\x02ab\x41\x01a\x89\x00\x80\x01b");
        let meanings: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(
            meanings,
            [
                "text, 2 bytes, compressed from 4 bytes: aabb",
                "text, 2 bytes: ab",
                "fragment 1 of a text message, 1 byte, compressed from 2 bytes: aa",
                "ping, 0 bytes",
                "fragment 2 of a text message, the last (2 bytes in all), 1 byte, compressed from 2 bytes: bb",
            ]
        );
        assert_eq!(fields(&units[0])[2], ("payload", "aabb"));
        assert_eq!(units[0].bytes, b"\xc1\x02ab", "its bytes are those of the wire");
        let masked = dissector.feed(Dir::Up, b"\xc1\x82\x01\x01\x01\x01\x60\x63");
        assert_eq!(masked[0].meaning, "text, 2 bytes, masked, compressed from 4 bytes: aabb");
        dissector.lost(Dir::Down, 7);
        let later = dissector.feed(Dir::Down, b"\x81\x00\xc1\x02ab");
        assert_eq!(later[1].meaning, "text, 2 bytes, compressed", "its window lacks what was not seen");
    }

    #[test]
    fn after_a_loss_the_next_frame_is_found() {
        let mut dissector = open("");
        dissector.feed(Dir::Down, b"\x81\x08abcd");
        assert_eq!(dissector.lost(Dir::Down, 2)[0].meaning, "text, 8 bytes: abcd, 4 so far, the rest was not seen");
        let units = dissector.feed(Dir::Down, b"gh\x81\x02ok");
        assert_eq!(units[0].meaning, "rest of a frame: text, 8 bytes: gh");
        assert_eq!(units[1].meaning, "text, 2 bytes: ok");
        dissector.lost(Dir::Down, 100);
        let units = dissector.feed(Dir::Down, b"the end of a frame\x81\x02ok");
        assert_eq!(units[1].meaning, "text, 2 bytes: ok");
    }
}
