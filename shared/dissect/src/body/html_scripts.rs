//! A chunked HTML page that carries scripts: what a forever iframe is made of. A script begins with `<script>` and runs when
//! its `</script>` is there (WHATWG HTML, 13.2.6.4.8). Chunks know nothing of that: a script may span several of them.
//!
//! No HTML parser: start tags, end tags and comments are told from each other, which is enough for a page made of scripts.

use crate::body::{BodyDecoder, Summary};
use crate::show::{bytes_of, one_line, text};
use crate::unit::UnitBuilder;

/// So many bytes of a tag, and of a script, are remembered.
const KEEP_TAG: usize = 64;
const KEEP_SCRIPT: usize = 256;

/// What the browser is reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HtmlPosition {
    #[default]
    Html,
    Tag,
    Comment,
    Script,
}

/// A page, wherever the browser stands in it.
#[derive(Debug, Default)]
pub(crate) struct ScriptStream {
    place: HtmlPosition,
    /// The tag or comment in progress, its first [`KEEP_TAG`] bytes in lower case; in a script, what may become its end tag.
    tag: Vec<u8>,
    /// Where in the unit it began; 0 when that was in an earlier one.
    tag_from: u64,
    /// How long the comment or script is so far.
    bytes: u64,
    /// The last two bytes of the comment were hyphens.
    hyphens: u8,
    /// The script so far, its first [`KEEP_SCRIPT`] bytes.
    script: Vec<u8>,
    summary: Summary,
}

impl ScriptStream {
    pub fn new() -> Self {
        ScriptStream::default()
    }

    fn begin_tag(&mut self, at: u64) {
        self.tag.clear();
        self.tag_from = at;
    }

    fn remember(&mut self, byte: u8) {
        if self.tag.len() < KEEP_TAG {
            self.tag.push(byte.to_ascii_lowercase());
        }
    }

    /// One byte, at `at` of the unit, pushed already.
    fn step(&mut self, byte: u8, at: u64, builder: &mut UnitBuilder) {
        match self.place {
            HtmlPosition::Html if byte == b'<' => {
                self.begin_tag(at);
                self.remember(byte);
                self.place = HtmlPosition::Tag;
            }
            HtmlPosition::Html => {}
            HtmlPosition::Tag => {
                self.remember(byte);
                if self.tag == b"<!--" {
                    (self.bytes, self.hyphens) = (0, 0);
                    self.place = HtmlPosition::Comment;
                } else if byte == b'>' {
                    self.place = HtmlPosition::Html;
                    let name = self.tag.strip_prefix(b"<script").unwrap_or(b"-");
                    if name.first().is_none_or(|next| next.is_ascii_whitespace() || b"/>".contains(next)) {
                        self.html(builder, self.tag_from);
                        builder.cut("start tag", builder.open_text(), "A script begins: what follows is not HTML.");
                        self.begin_tag(at + 1);
                        self.script.clear();
                        self.bytes = 0;
                        self.place = HtmlPosition::Script;
                    }
                }
            }
            HtmlPosition::Comment => {
                self.bytes += 1;
                if byte == b'>' && self.hyphens >= 2 {
                    self.html(builder, self.tag_from);
                    let note =
                        "Nobody shows it. In front of everything it is padding, for browsers that wait for more bytes.";
                    self.summary.add(format!("comment, {}", bytes_of(self.bytes.saturating_sub(3))));
                    builder.cut("comment", builder.open_text(), note);
                    self.place = HtmlPosition::Html;
                }
                self.hyphens = if byte == b'-' { self.hyphens.saturating_add(1) } else { 0 };
            }
            HtmlPosition::Script => self.script_step(byte, at, builder),
        }
    }

    /// Only `</script` ends a script, in a string or not.
    fn script_step(&mut self, byte: u8, at: u64, builder: &mut UnitBuilder) {
        const END: &[u8] = b"</script";
        if self.tag.len() >= END.len() {
            if byte == b'>' {
                builder.cut_at(
                    self.tag_from,
                    "script",
                    builder.text_to(self.tag_from),
                    "It runs when its end tag is there.",
                );
                builder.cut("end tag", builder.open_text(), "Now the browser runs the script.");
                self.summary.add(format!("script: {}", one_line(&text(&self.script, self.bytes), 60)));
                self.place = HtmlPosition::Html;
                return;
            }
            if self.tag.len() > END.len() || byte.is_ascii_whitespace() || byte == b'/' {
                return self.remember(byte); // inside of the end tag
            }
        }
        let lower = byte.to_ascii_lowercase();
        if END.get(self.tag.len()) != Some(&lower) {
            let almost = std::mem::take(&mut self.tag); // it was content after all
            self.content(&almost);
        }
        if self.tag.is_empty() {
            self.tag_from = at;
        }
        if END.get(self.tag.len()) == Some(&lower) {
            self.remember(byte);
        } else {
            self.content(&[byte]);
        }
    }

    fn content(&mut self, bytes: &[u8]) {
        let room = bytes.len().min(KEEP_SCRIPT - self.script.len());
        self.script.extend_from_slice(&bytes[..room]);
        self.bytes += bytes.len() as u64;
    }

    /// Names the HTML before `to`.
    fn html(&mut self, builder: &mut UnitBuilder, to: u64) {
        let text = builder.text_to(to);
        if !text.trim().is_empty() {
            self.summary.add(format!("HTML: {}", one_line(text.trim(), 40)));
        }
        builder.cut_at(to, "HTML", text, "");
    }
}

impl BodyDecoder for ScriptStream {
    fn kind(&self) -> &'static str {
        "script"
    }

    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool) {
        for &byte in bytes {
            let at = builder.len();
            builder.push(&[byte]);
            self.step(byte, at, builder);
        }
        (bytes.len(), false)
    }

    fn finish(&self, builder: &mut UnitBuilder) -> String {
        let (name, part) = match self.place {
            HtmlPosition::Html | HtmlPosition::Tag => ("HTML", ""),
            HtmlPosition::Comment => ("comment", "part of a comment"),
            HtmlPosition::Script => ("script", "part of a script"),
        };
        let open = builder.open_text();
        let begun = !part.is_empty() && builder.open_len() > 0;
        let nothing =
            if open.trim().is_empty() { "HTML".to_string() } else { format!("HTML: {}", one_line(open.trim(), 40)) };
        builder.cut(name, open, if begun { "It goes on in the next chunk." } else { "" });
        self.summary.text(begun, part, &nothing)
    }

    fn next_unit(&mut self) {
        self.tag_from = 0;
        self.summary = Summary::default();
    }

    fn lost(&mut self) {
        *self = ScriptStream::new();
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, Unit};

    fn page(chunks: &[&str]) -> Vec<Unit> {
        let mut dissector = Dissector::new();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
        dissector.feed(Dir::Down, head.as_bytes());
        let chunk = |chunk: &&str| format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes();
        chunks.iter().flat_map(|one| dissector.feed(Dir::Down, &chunk(one))).collect()
    }

    fn meanings(chunks: &[&str]) -> Vec<String> {
        page(chunks).into_iter().map(|unit| unit.meaning).collect()
    }

    /// The fields between the chunk's size line and its line end.
    fn fields(unit: &Unit) -> Vec<(&str, &str)> {
        let inner = &unit.fields[2..unit.fields.len() - 1];
        inner.iter().map(|field| (&*field.name, &*field.value)).collect()
    }

    #[test]
    fn scripts_padding_and_html_are_told_apart() {
        let units = page(&["<!doctype html>\n<!--......-->\n", "<script>parent.hear({\"id\":8})</script>\n"]);
        assert_eq!(units[0].meaning, "HTML: <!doctype html>; comment, 6 bytes");
        assert_eq!(fields(&units[0]), [("HTML", "<!doctype html>\n"), ("comment", "<!--......-->"), ("HTML", "\n")]);
        assert_eq!(units[1].meaning, "script: parent.hear({\"id\":8})");
        assert_eq!(
            fields(&units[1]),
            [
                ("start tag", "<script>"),
                ("script", "parent.hear({\"id\":8})"),
                ("end tag", "</script>"),
                ("HTML", "\n")
            ]
        );
    }

    #[test]
    fn only_an_end_tag_ends_a_script_but_it_does_so_anywhere() {
        assert_eq!(meanings(&["<script>a('</scrip</p>')</script>"]), ["script: a('</scrip</p>')"]);
        assert_eq!(meanings(&["<script>a('</SCRIPT >')</script>"]), ["script: a('"]);
        assert_eq!(meanings(&["<script>a('</scripture>')</script>"]), ["script: a('</scripture>')"]);
        assert_eq!(meanings(&["<scripture>x</script>"]), ["HTML: <scripture>x</script>"]);
    }

    #[test]
    fn a_script_may_span_chunks() {
        let units = page(&["<script>parent.", "hear(1)</scr", "ipt>"]);
        let meanings: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(meanings, ["part of a script", "part of a script", "script: parent.hear(1)"]);
        assert_eq!(fields(&units[2]), [("end tag", "ipt>")]);
    }
}
