//! Framing: how a reader finds the messages in a stream of bytes.
//!
//! ```text
//!  none      h e l l o w o r l d      each read is taken for a message: wrong, and often right
//!  lines     h e l l o \n w o r l d \n      a byte ends a message, and must not be inside one
//!  lengths   0 0 0 5 h e l l o 0 0 0 5 w o r l d       first the length (32 bits), then any bytes
//! ```

/// A length above this is not believed, in bytes.
const MAX_MESSAGE: usize = 4 * 1024;

/// How a reader finds the messages in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It does not: it takes each read for a message.
    None,
    /// A line feed ends a message.
    Lines,
    /// Four bytes, most significant first, say how many bytes the next message has.
    Lengths,
}

impl Framing {
    /// `none`, `lines` or `lengths`.
    pub fn parse(word: &str) -> Option<Framing> {
        match word {
            "none" => Some(Framing::None),
            "lines" => Some(Framing::Lines),
            "lengths" => Some(Framing::Lengths),
            _ => None,
        }
    }

    // ANCHOR: frame
    /// A message as it goes over the wire.
    pub fn frame(self, message: &str) -> Vec<u8> {
        match self {
            Framing::None => message.as_bytes().to_vec(),
            Framing::Lines => [escape(message).as_bytes(), b"\n"].concat(),
            Framing::Lengths => {
                [&(message.len() as u32).to_be_bytes()[..], message.as_bytes()].concat()
            }
        }
    }
    // ANCHOR_END: frame
}

/// Finds the messages in what was read, wherever a read ended.
pub struct Decoder {
    framing: Framing,
    unread: Vec<u8>,
    messages: Vec<String>,
}

impl Decoder {
    /// Nothing was read yet.
    pub fn new(framing: Framing) -> Self {
        Decoder { framing, unread: Vec::new(), messages: Vec::new() }
    }

    /// Takes the bytes of one more read.
    pub fn take(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while let Some((before, length, after)) = self.first_message() {
            let text = String::from_utf8_lossy(&self.unread[before..before + length]).into_owned();
            let text = if self.framing == Framing::Lines { unescape(&text) } else { text };
            self.messages.push(text);
            self.unread.drain(..before + length + after);
        }
    }

    // ANCHOR: cut
    /// The first message, if all of it was read: how many bytes come before it, are in it, and end
    /// it.
    fn first_message(&self) -> Option<(usize, usize, usize)> {
        let unread = &self.unread[..];
        match self.framing {
            Framing::None => (!unread.is_empty()).then_some((0, unread.len(), 0)),
            Framing::Lines => {
                unread.iter().position(|&byte| byte == b'\n').map(|length| (0, length, 1))
            }
            Framing::Lengths => {
                let length = u32::from_be_bytes(*unread.first_chunk()?) as usize;
                (length <= MAX_MESSAGE && unread.len() >= 4 + length).then_some((4, length, 0))
            }
        }
    }
    // ANCHOR_END: cut

    /// The messages so far.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// How many bytes were read that are no whole message.
    pub fn left(&self) -> usize {
        self.unread.len()
    }
}

/// A text as one line: a line feed in it becomes `\n`, a backslash `\\`.
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// The text that a line stands for. A backslash before anything but `n` and itself is just a
/// backslash.
pub fn unescape(line: &str) -> String {
    let mut text = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('\\')) => text.push('\\'),
            _ => {
                text.push(c);
                continue;
            }
        }
        chars.next();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_the_same_messages_back() {
        let messages = ["one", "", "grüß\ndich", "\\n", "\0\0\0\u{5}"];
        for framing in [Framing::Lines, Framing::Lengths] {
            let stream: Vec<u8> =
                messages.iter().flat_map(|message| framing.frame(message)).collect();
            for size in 1..=stream.len() {
                let mut decoder = Decoder::new(framing);
                stream.chunks(size).for_each(|piece| decoder.take(piece));
                assert_eq!(decoder.messages(), messages, "{framing:?}, reads of {size} bytes");
                assert_eq!(decoder.left(), 0);
            }
        }
    }

    #[test]
    fn without_framing_a_read_is_taken_for_a_message() {
        let mut decoder = Decoder::new(Framing::None);
        decoder.take(b"onetw");
        decoder.take(b"o");
        assert_eq!(decoder.messages(), ["onetw", "o"]);
    }

    #[test]
    fn a_length_that_is_too_large_costs_nothing() {
        let mut decoder = Decoder::new(Framing::Lengths);
        decoder.take(&[0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        assert_eq!((decoder.messages().len(), decoder.left()), (0, 7));
    }

    #[test]
    fn a_line_feed_in_a_message_does_not_end_its_line() {
        for text in ["hello", "two\nlines", "a\\nb", "\\", "\\\\n\n\\", "back\\slash", ""] {
            assert!(!escape(text).contains('\n'));
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(unescape("C:\\temp"), "C:\\temp");
    }
}
