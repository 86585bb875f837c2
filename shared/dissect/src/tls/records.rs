//! Records: a header of five bytes, and then plain handshake messages, or bytes that only the two ends can read.

use super::hello::{HandshakeMessage, Read, message};
use super::names::{ALERTS, MESSAGES, RECORDS, VERSIONS, name};
use crate::show::bytes_of;
use crate::text::opaque::Opaque;
use crate::unit::{UnitBuilder, at_most};
use crate::{Dir, Negotiation, StreamDecoder, Unit};

/// The header of a record: type, version, length.
const HEADER: u64 = 5;

/// The longest sealed record that RFC 5246, 6.2.3, allows; RFC 8446, 5.2, allows less.
const LONGEST: u16 = (1 << 14) + 2048;

/// What both directions know by now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Agreed {
    /// The version and the cipher suite that the ServerHello names.
    chosen: Option<(u16, u16)>,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct TlsRecords {
    dir: Dir,
    builder: UnitBuilder,
    /// In TLS 1.2 everything behind the record `change cipher spec` is sealed.
    changed: bool,
    /// How many bytes of a handshake message are to come in the next record.
    continues: usize,
    agreed: Agreed,
}

impl TlsRecords {
    pub fn new(dir: Dir, at: u64) -> Self {
        let builder = UnitBuilder::new(dir, at);
        TlsRecords { dir, builder, changed: false, continues: 0, agreed: Agreed::default() }
    }

    /// How long the record is with its header, once that has come.
    fn size(&self) -> Option<u64> {
        let header = self.builder.kept().first_chunk::<{ HEADER as usize }>()?;
        Some(HEADER + u64::from(u16::from_be_bytes([header[3], header[4]])))
    }

    /// Whether this can be the begin of a record.
    fn is_record(&self) -> bool {
        let kept = self.builder.kept();
        let short = self.size().is_none_or(|size| size <= HEADER + u64::from(LONGEST));
        kept.first().is_none_or(|kind| (20..=24).contains(kind)) && kept.get(1).is_none_or(|major| *major == 3) && short
    }

    /// Names the bytes of the record, and says what it is.
    fn unit(&mut self, builder: &mut UnitBuilder, whole: bool) -> Unit {
        let (dir, size) = (self.dir, builder.len());
        let bytes = builder.kept().to_vec();
        let mut read = Read::new(builder, &bytes);
        let Some(kind) = read.number(1, "record type", |kind| name(RECORDS, kind), "RFC 8446, 5.1") else {
            return builder.finish("record", "part of a record".into(), false);
        };
        let version = "Frozen at an old number: some boxes on the way refuse what they do not know (RFC 8446, 5.1).";
        read.number(2, "version", |number| name(VERSIONS, number), version);
        let length =
            read.number(2, "length", |length| length.to_string(), "So many bytes follow. This is never sealed.");
        let Some(length) = length else { return builder.finish("record", "part of a record".into(), false) };
        let meaning = match kind {
            20 => {
                self.changed |= whole;
                read.rest("change", "", "In TLS 1.2 all that follows is sealed. In TLS 1.3 it means nothing.");
                "change cipher spec".to_string()
            }
            21 if length == 2 && !self.changed => alert(&mut read),
            22 if !self.changed || is_plain_hello(&bytes, length) => self.messages(&mut read, dir),
            _ => self.sealed(&mut read, kind, length),
        };
        read.rest("rest", "", "");
        let part = if size < HEADER + u64::from(length) { "part of a record: " } else { "" };
        builder.finish("record", format!("{part}{meaning}"), whole)
    }

    /// Handshake messages in plain text: several may share a record, and one may need several.
    fn messages(&mut self, read: &mut Read<'_>, dir: Dir) -> String {
        let mut meanings = Vec::new();
        if self.continues > 0 {
            let here = self.continues.min(read.left());
            read.text(here, "message", "", "The rest of a handshake message that began in an earlier record.");
            self.continues -= here;
            meanings.push("more of a handshake message".to_string());
        }
        while read.left() > 0 {
            let HandshakeMessage { meaning, chosen, missing } = message(read, dir);
            self.agreed.chosen = chosen.or(self.agreed.chosen);
            self.continues = missing;
            meanings.push(meaning);
        }
        meanings.join(", ")
    }

    /// What can be told without the keys.
    fn sealed(&self, read: &mut Read<'_>, kind: u16, length: u16) -> String {
        let Some((version, suite)) = self.agreed.chosen else {
            read.rest("sealed", "", "Only the two ends can read this.");
            return format!("{}, {}", name(RECORDS, kind), bytes_of(length.into()));
        };
        // RFC 8446, 5.2: one byte for the real type, 16 for the tag; no padding is usual. RFC 5288, 3: 8 bytes of the
        // nonce and 16 for the tag; RFC 7905, 2: 16 for the tag.
        let chacha = matches!(suite, 0xcca8 | 0xcca9);
        let (more, why) = match (version, chacha) {
            (0x0304, _) => (17, "1 byte for the type and 16 for the tag"),
            (_, true) => (16, "16 bytes for the tag"),
            _ => (24, "8 bytes of the nonce and 16 for the tag"),
        };
        let inside = length.saturating_sub(more);
        let note = format!("Only the two ends can read this. Its length tells: {why}, so {inside} bytes of content.");
        read.noted_rest("sealed", note);
        let what = if kind == 23 { "sealed".to_string() } else { format!("{}, sealed", name(RECORDS, kind)) };
        format!("{what}: {} of content", bytes_of(inside.into()))
    }
}

/// In TLS 1.3 a second ClientHello in plain text may follow `change cipher spec`, after a HelloRetryRequest.
fn is_plain_hello(record: &[u8], length: u16) -> bool {
    let Some(&[kind, high, middle, low]) = record.get(5..9) else { return false };
    let says = u32::from_be_bytes([0, high, middle, low]) + 4;
    matches!(kind, 1 | 2) && says == u32::from(length)
}

fn alert(read: &mut Read<'_>) -> String {
    let level = |level| if level == 2 { "fatal".to_string() } else { format!("{level}: warning") };
    read.number(1, "level", level, "");
    let what = read.number(1, "alert", |number| name(ALERTS, number), "Why the connection ends (RFC 8446, 6).");
    let what = what.map_or("?".to_string(), |number| name(ALERTS, number));
    if what == "close_notify" { "alert: close_notify".to_string() } else { format!("fault: alert {what}") }
}

impl StreamDecoder for TlsRecords {
    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.builder
    }

    fn feed(&mut self, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        let wanted = self.size().unwrap_or(HEADER) - self.builder.len();
        let taken = at_most(bytes, wanted);
        self.builder.push(&bytes[..taken]);
        if !self.is_record() {
            // What is no TLS is shown as it is, from the first byte of what would have been a record.
            let (begun, from) = (self.builder.kept().to_vec(), self.builder.from());
            let mut opaque = Opaque::new(self.dir, from, "no TLS record");
            opaque.feed(&begun, negotiation, out);
            negotiation.next = Some(Box::new(opaque));
        } else if self.size() == Some(self.builder.len()) {
            let mut builder = std::mem::replace(&mut self.builder, UnitBuilder::new(self.dir, 0));
            self.agreed = negotiation.tls;
            out.push(self.unit(&mut builder, true));
            negotiation.tls = self.agreed;
            self.builder = builder;
        }
        taken
    }

    fn unfinished(&self) -> (&UnitBuilder, &[u8]) {
        (&self.builder, &[])
    }

    fn describe(&self, builder: &mut UnitBuilder) -> Unit {
        let (changed, continues, agreed) = (self.changed, self.continues, self.agreed);
        let mut copy = TlsRecords { dir: self.dir, builder: UnitBuilder::new(self.dir, 0), changed, continues, agreed };
        copy.unit(builder, false)
    }

    /// Nothing in the stream shows where a record starts.
    fn lost(&mut self, bytes: u64, negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        self.end(out);
        let from = self.builder.from().saturating_add(bytes);
        let why = "bytes were missed, and lengths give no way back";
        negotiation.next = Some(Box::new(Opaque::new(self.dir, from, why)));
    }
}

/// The name of a handshake message.
pub fn message_name(kind: u16) -> String {
    name(MESSAGES, kind)
}

#[cfg(test)]
mod tests;
