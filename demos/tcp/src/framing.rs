//! Framing: how a stream of bytes gets the borders that TCP does not keep.
//!
//! ```text
//!  none      h e l l o w o r l d                       each read is taken for a message: wrong
//!  lines     h e l l o \n w o r l d \n                 a byte that ends a message and is never inside one
//!  lengths   0 0 0 5 h e l l o 0 0 0 5 w o r l d       first how long it is (32 bits), then anything
//! ```

use std::time::Duration;

/// A message that has begun has to end within this time.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A message that says it is longer than this is not believed: 4 KiB.
const MAX_MESSAGE: usize = 4 * 1024;

/// How messages are told apart in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Not at all.
    None,
    /// A line feed ends a message.
    Lines,
    /// Four bytes, most significant first, say how long the next one is.
    Lengths,
}

impl Framing {
    /// `none`, `lines` or `lengths`.
    pub fn parse(word: &str) -> Option<Framing> {
        [Framing::None, Framing::Lines, Framing::Lengths]
            .into_iter()
            .find(|framing| framing.name() == word)
    }

    /// The word that [`Framing::parse`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Framing::None => "none",
            Framing::Lines => "lines",
            Framing::Lengths => "lengths",
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

// ANCHOR: cut
/// Gets messages back out of reads, however the stream was cut.
pub struct Cutter {
    framing: Framing,
    unread: Vec<u8>,
    messages: Vec<String>,
}

impl Cutter {
    /// Nothing was read yet.
    pub fn new(framing: Framing) -> Self {
        Cutter { framing, unread: Vec::new(), messages: Vec::new() }
    }

    /// One more read.
    pub fn take(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while let Some((before, length, behind)) = self.whole() {
            let text = String::from_utf8_lossy(&self.unread[before..before + length]).into_owned();
            let lines = self.framing == Framing::Lines;
            self.messages.push(if lines { unescape(&text) } else { text });
            self.unread.drain(..before + length + behind);
        }
    }

    /// Whether a whole message lies at the front: how many bytes are before it, in it, behind it.
    fn whole(&self) -> Option<(usize, usize, usize)> {
        let unread = &self.unread[..];
        match self.framing {
            Framing::None => (!unread.is_empty()).then_some((0, unread.len(), 0)), // a guess
            Framing::Lines => {
                unread.iter().position(|&byte| byte == b'\n').map(|length| (0, length, 1))
            }
            Framing::Lengths => {
                let length = u32::from_be_bytes(*unread.first_chunk()?) as usize;
                let is_here = length <= MAX_MESSAGE && unread.len() >= 4 + length;
                is_here.then_some((4, length, 0))
            }
        }
    }
    // ANCHOR_END: cut

    /// The messages so far.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// How many bytes are left that make no whole message.
    pub fn left(&self) -> usize {
        self.unread.len()
    }
}

// ANCHOR: escape
/// A text as one line: a line feed inside it travels as `\n`, a backslash as `\\`.
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// The text that a line stands for. A backslash before another character is just a backslash.
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
// ANCHOR_END: escape

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
                let mut cutter = Cutter::new(framing);
                stream.chunks(size).for_each(|piece| cutter.take(piece));
                assert_eq!(cutter.messages(), messages, "{framing:?}, reads of {size} bytes");
                assert_eq!(cutter.left(), 0);
            }
        }
    }

    #[test]
    fn without_borders_a_read_is_taken_for_a_message() {
        let mut cutter = Cutter::new(Framing::None);
        cutter.take(b"onetw");
        cutter.take(b"o");
        assert_eq!(cutter.messages(), ["onetw", "o"]);
    }

    #[test]
    fn a_length_that_is_too_large_costs_nothing() {
        let mut cutter = Cutter::new(Framing::Lengths);
        cutter.take(&[0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        assert_eq!((cutter.messages().len(), cutter.left()), (0, 7));
    }

    #[test]
    fn a_line_feed_in_a_message_is_no_border() {
        for text in ["hello", "two\nlines", "a\\nb", "\\", "\\\\\n\n\\", "back\\slash", ""] {
            assert!(!escape(text).contains('\n'));
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(unescape("C:\\temp"), "C:\\temp");
    }
}
