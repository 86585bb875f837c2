//! Handshake messages in plain text: ClientHello and ServerHello byte by byte, the others by their names.

use super::names::{EXTENSIONS, GROUPS, NOTES, PURPOSES, SIGNATURES, SUITES, VERSIONS, name};
use super::records::message_name;
use crate::Dir;
use crate::show::{bytes_of, hex, one_line};
use crate::unit::UnitBuilder;

/// A place in the kept bytes of a unit, from which fields are cut one after another. No length in the bytes leads it
/// behind their end.
pub struct Read<'a> {
    builder: &'a mut UnitBuilder,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Read<'a> {
    pub fn new(builder: &'a mut UnitBuilder, bytes: &'a [u8]) -> Self {
        Read { builder, bytes, at: 0 }
    }

    /// How many of the bytes that are kept have no field yet.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The same, and those that came and were not kept.
    fn unnamed(&self) -> usize {
        usize::try_from(self.builder.len()).unwrap_or(usize::MAX).saturating_sub(self.at)
    }

    /// The next bytes, as far as they are there.
    fn peek(&self, length: usize) -> &'a [u8] {
        &self.bytes[self.at..self.at + length.min(self.left())]
    }

    fn cut(
        &mut self,
        length: usize,
        name: impl Into<crate::unit::Caption>,
        value: String,
        note: impl Into<crate::unit::Caption>,
    ) {
        self.at += length.min(self.left());
        self.builder.cut_at(self.at as u64, name, value, note);
    }

    /// A number of one, two or three bytes; `None` when it is not there in whole.
    pub fn number(
        &mut self,
        length: usize,
        what: &'static str,
        say: impl Fn(u16) -> String,
        note: &'static str,
    ) -> Option<u16> {
        let bytes = self.peek(length);
        if bytes.len() < length {
            self.cut(length, what, hex(bytes), "It is not there in whole.");
            return None;
        }
        let number = bytes.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.cut(length, what, say(number), note);
        Some(number)
    }

    /// So many bytes as one field, shown in hexadecimal unless `say` has words for them.
    pub fn text(&mut self, length: usize, what: &'static str, say: &str, note: &'static str) {
        let bytes = self.peek(length);
        let value = if say.is_empty() { one_line(&hex(bytes), 200) } else { say.to_string() };
        if !bytes.is_empty() {
            self.cut(length, what, value, note);
        }
    }

    /// All that is left as one field.
    pub fn rest(&mut self, what: &'static str, say: &str, note: &'static str) {
        self.text(self.left(), what, say, note);
    }

    /// The same with a note that was made for it.
    pub fn noted_rest(&mut self, what: &'static str, note: String) {
        let value = one_line(&hex(self.peek(self.left())), 200);
        self.cut(self.left(), what, value, note);
    }

    /// A part of the bytes, of this length at most: lengths inside it can't lead out of it.
    fn within<T>(&mut self, length: usize, read: impl FnOnce(&mut Read<'_>) -> T) -> T {
        let end = self.at + length.min(self.left());
        let mut part = Read { builder: self.builder, bytes: &self.bytes[..end], at: self.at };
        let result = read(&mut part);
        part.rest("rest", "", "");
        self.at = end;
        result
    }
}

/// What a handshake message says.
pub struct HandshakeMessage {
    pub meaning: String,
    /// Version and cipher suite, of a ServerHello.
    pub chosen: Option<(u16, u16)>,
    /// How many bytes of it are to come in the next record.
    pub missing: usize,
}

/// Names the bytes of the next message.
pub fn message(read: &mut Read<'_>, dir: Dir) -> HandshakeMessage {
    let mut message = HandshakeMessage { meaning: "part of a message".to_string(), chosen: None, missing: 0 };
    let purpose = |kind: u16| PURPOSES.iter().find(|(other, _)| *other == kind).map_or("", |(_, purpose)| *purpose);
    let next = read.peek(1).first().copied().unwrap_or(0).into();
    let Some(kind) = read.number(1, "message", message_name, purpose(next)) else { return message };
    let Some(length) = read.number(3, "length", |length| length.to_string(), "of this message") else { return message };
    let length = usize::from(length);
    message.missing = length.saturating_sub(read.unnamed());
    read.within(length, |read| match (kind, dir) {
        (1, Dir::Up) => message.meaning = client_hello(read).unwrap_or("ClientHello, cut off".to_string()),
        (2, Dir::Down) => (message.meaning, message.chosen) = server_hello(read),
        _ => {
            message.meaning = message_name(kind);
            read.rest("content", "", "");
        }
    });
    message
}

/// What the client offers, in one line. `None` when it ends too early.
fn client_hello(read: &mut Read<'_>) -> Option<String> {
    let old = "TLS 1.2 at most; newer versions stand in the extension supported_versions (RFC 8446, 4.1.2).";
    read.number(2, "version", |number| name(VERSIONS, number), old)?;
    read.text(32, "random", "", "32 random bytes: they make the keys of this connection unlike any other's.");
    session_id(read)?;
    let length = read.number(2, "cipher suites, length", |length| length.to_string(), "two bytes for each")?;
    read.within(length.into(), |read| {
        while read.left() > 0 {
            read.number(2, "cipher suite", |suite| name(SUITES, suite), "")?;
        }
        Some(())
    });
    let length = read.number(1, "compression methods, length", |length| length.to_string(), "")?;
    read.text(length.into(), "compression methods", "", "Only 0, none: compression gave secrets away (CRIME).");
    let mut said = Said::default();
    extensions(read, Dir::Up, &mut said);
    let to = said.server_name.map_or(String::new(), |name| format!(" for {name}"));
    let resumes = if said.resumes { ", resumes" } else { "" };
    let protocols =
        if said.protocols.is_empty() { String::new() } else { format!(", ALPN {}", said.protocols.join(" ")) };
    Some(format!("ClientHello{to}: {}{protocols}{resumes}", said.versions.join(" ")))
}

/// What the server chose.
fn server_hello(read: &mut Read<'_>) -> (String, Option<(u16, u16)>) {
    const RETRY: [u8; 4] = [0xcf, 0x21, 0xad, 0x74]; // the begin of RFC 8446, 4.1.3, a fixed value
    let old = read.number(2, "version", |number| name(VERSIONS, number), "The one that is meant may stand below.");
    let retry = read.peek(4) == RETRY;
    read.text(32, "random", "", "The server's 32 random bytes.");
    let Some((old, ())) = old.zip(session_id(read)) else { return ("ServerHello, cut off".to_string(), None) };
    let note = "How the rest will be sealed.";
    let Some(suite) = read.number(2, "cipher suite", |suite| name(SUITES, suite), note) else {
        return ("ServerHello, cut off".to_string(), None);
    };
    read.number(1, "compression method", |method| method.to_string(), "none");
    let mut said = Said::default();
    extensions(read, Dir::Down, &mut said);
    let version = said.version.unwrap_or(old);
    let group = said.group.map_or(String::new(), |group| format!(", {}", name(GROUPS, group)));
    let words = format!("{}, {}{group}", name(VERSIONS, version), name(SUITES, suite));
    if retry {
        return (format!("HelloRetryRequest: {words}"), None);
    }
    (format!("ServerHello: {words}"), Some((version, suite)))
}

fn session_id(read: &mut Read<'_>) -> Option<()> {
    let length = read.number(1, "session id, length", |length| length.to_string(), "")?;
    read.text(length.into(), "session id", "", "TLS 1.2 resumed with it. TLS 1.3 sends one for old boxes' sake.");
    Some(())
}

/// What the extensions say.
#[derive(Default)]
struct Said {
    server_name: Option<String>,
    protocols: Vec<String>,
    versions: Vec<String>,
    version: Option<u16>,
    group: Option<u16>,
    resumes: bool,
}

fn extensions(read: &mut Read<'_>, dir: Dir, said: &mut Said) -> Option<()> {
    let length = read.number(2, "extensions, length", |length| length.to_string(), "")?;
    read.within(length.into(), |read| {
        while read.left() > 0 {
            let next = u16::from_be_bytes(*read.peek(2).first_chunk()?);
            let note = NOTES.iter().find(|(number, _)| *number == next).map_or("", |(_, note)| *note);
            let kind = read.number(2, "extension", |number| name(EXTENSIONS, number), note)?;
            let length = read.number(2, "length", |length| length.to_string(), "of this extension")?;
            read.within(length.into(), |read| extension(read, dir, kind, said));
        }
        Some(())
    })
}

fn extension(read: &mut Read<'_>, dir: Dir, kind: u16, said: &mut Said) -> Option<()> {
    match (kind, dir) {
        (0, Dir::Up) => {
            read.number(2, "list, length", |length| length.to_string(), "")?;
            read.number(1, "name type", |kind| if kind == 0 { "host name".into() } else { kind.to_string() }, "")?;
            let length = read.number(2, "name, length", |length| length.to_string(), "")?;
            let name = one_line(&String::from_utf8_lossy(read.peek(length.into())), 100);
            read.text(length.into(), "server name", &name, "Anyone on the way can read this.");
            said.server_name = Some(name);
        }
        (16, _) => {
            read.number(2, "list, length", |length| length.to_string(), "")?;
            while read.left() > 0 {
                let length = read.number(1, "protocol, length", |length| length.to_string(), "")?;
                let name = one_line(&String::from_utf8_lossy(read.peek(length.into())), 40);
                read.text(length.into(), "protocol", &name, "");
                said.protocols.push(name);
            }
        }
        (43, Dir::Up) => {
            read.number(1, "list, length", |length| length.to_string(), "")?;
            while read.left() > 0 {
                let version = read.number(2, "version", |number| name(VERSIONS, number), "")?;
                if VERSIONS.iter().any(|(known, _)| *known == version) {
                    said.versions.push(name(VERSIONS, version));
                }
            }
        }
        (43, Dir::Down) => said.version = read.number(2, "version", |number| name(VERSIONS, number), "This one."),
        (51, Dir::Up) => {
            read.number(2, "list, length", |length| length.to_string(), "")?;
            while read.left() > 0 {
                key(read)?;
            }
        }
        (51, Dir::Down) => said.group = key(read),
        (10 | 13, Dir::Up) => {
            read.number(2, "list, length", |length| length.to_string(), "")?;
            let (table, what) = if kind == 10 { (GROUPS, "group") } else { (SIGNATURES, "signature") };
            while read.left() > 0 {
                read.number(2, what, |number| name(table, number), "")?;
            }
        }
        _ => {
            said.resumes |= kind == 41;
            let value = bytes_of(read.left() as u64);
            read.rest("content", &value, "");
        }
    }
    Some(())
}

/// A public key of one group.
fn key(read: &mut Read<'_>) -> Option<u16> {
    let group = read.number(2, "group", |group| name(GROUPS, group), "")?;
    if read.left() == 0 {
        return Some(group); // a HelloRetryRequest names the group only
    }
    let length = read.number(2, "key, length", |length| length.to_string(), "")?;
    read.text(length.into(), "public key", "", "Half of a key exchange. Who sees both halves can't compute the key.");
    Some(group)
}
