//! A chunked HTML page that carries scripts: what a forever iframe is made of. A script begins with `<script>` and runs when
//! its `</script>` is there (WHATWG HTML, 13.2.6.4.8). Chunks do not matter for that: a script may span several of them.
//!
//! This is no HTML parser: it tells start tags, end tags and comments apart, which is enough for a page made of scripts.

use crate::body::{BodyDecoder, Summary};
use crate::show::{bytes_of, one_line, text};
use crate::unit::UnitBuilder;

/// This many bytes of a tag, and of a script, are remembered.
const KEEP_TAG: usize = 64;
const KEEP_SCRIPT: usize = 256;

const END_TAG: &[u8] = b"</script";

/// What the browser is reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HtmlPosition {
    #[default]
    Html,
    Comment,
    Script,
    EndTag,
}

/// A page, wherever the browser stands in it.
#[derive(Debug, Default)]
pub(crate) struct ScriptStream {
    position: HtmlPosition,
    /// The tag, or what may become one, the first [`KEEP_TAG`] of them in lower case; in a comment, its last three.
    tag: Vec<u8>,
    /// Where in the unit it begins; 0 when it stood in an earlier one.
    tag_from: u64,
    /// How long the comment or script is so far.
    bytes: u64,
    /// The script so far, its first [`KEEP_SCRIPT`] bytes.
    script: Vec<u8>,
    summary: Summary,
}

/// Whether these bytes begin with a tag of this name, which must be over there.
fn is_tag(tag: &[u8], name: &[u8]) -> bool {
    tag.strip_prefix(name)
        .and_then(<[u8]>::first)
        .is_some_and(|next| next.is_ascii_whitespace() || b"/>".contains(next))
}

impl ScriptStream {
    /// One byte, at `at` of the unit, pushed already.
    fn step(&mut self, byte: u8, at: u64, builder: &mut UnitBuilder) {
        let begins = byte == b'<' && (self.position == HtmlPosition::Script || self.tag.is_empty());
        if begins {
            self.tag.clear();
            self.tag_from = at;
        }
        let inside = begins || !self.tag.is_empty() || self.position == HtmlPosition::Comment;
        if inside && self.tag.len() < KEEP_TAG {
            self.tag.push(byte.to_ascii_lowercase());
        }
        if self.position != HtmlPosition::EndTag {
            self.bytes += 1;
        }
        match self.position {
            HtmlPosition::Html if self.tag == b"<!--" => {
                self.html(builder);
                self.begin(HtmlPosition::Comment);
            }
            HtmlPosition::Html if byte == b'>' && is_tag(&self.tag, b"<script") => {
                self.html(builder);
                builder.cut("start tag", builder.open_text(), "A script begins: what follows is not HTML.");
                self.begin(HtmlPosition::Script);
            }
            HtmlPosition::Html if byte == b'>' => self.tag.clear(),
            HtmlPosition::Html | HtmlPosition::EndTag => {}
            HtmlPosition::Comment => {
                self.tag.drain(..self.tag.len().saturating_sub(3));
                if self.tag == b"-->" {
                    let note =
                        "Not shown. In front of everything it is padding, for browsers that wait for more bytes.";
                    self.summary.add(format!("comment, {}", bytes_of(self.bytes - 3)));
                    builder.cut("comment", builder.open_text(), note);
                    self.begin(HtmlPosition::Html);
                }
            }
            HtmlPosition::Script => {
                if self.script.len() < KEEP_SCRIPT {
                    self.script.push(byte);
                }
                // Only an end tag ends a script, in a string or not.
                if self.tag.len() == END_TAG.len() + 1 && is_tag(&self.tag, END_TAG) {
                    self.bytes -= self.tag.len() as u64;
                    self.script.truncate(usize::try_from(self.bytes).unwrap_or(usize::MAX));
                    self.position = HtmlPosition::EndTag;
                }
            }
        }
        if self.position == HtmlPosition::EndTag && byte == b'>' {
            let script = builder.text_to(self.tag_from);
            builder.cut_at(self.tag_from, "script", script, "It runs when its end tag is there.");
            builder.cut("end tag", builder.open_text(), "Now the browser runs the script.");
            self.summary.add(format!("script: {}", one_line(&text(&self.script, self.bytes), 60)));
            self.begin(HtmlPosition::Html);
        }
    }

    fn begin(&mut self, position: HtmlPosition) {
        self.position = position;
        self.bytes = 0;
        self.tag.clear();
        self.script.clear();
    }

    /// Names the HTML before the tag.
    fn html(&mut self, builder: &mut UnitBuilder) {
        let text = builder.text_to(self.tag_from);
        if !text.trim().is_empty() {
            self.summary.add(format!("HTML: {}", one_line(text.trim(), 40)));
        }
        builder.cut_at(self.tag_from, "HTML", text, "");
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
        let (name, part) = match self.position {
            HtmlPosition::Html => ("HTML", ""),
            HtmlPosition::Comment => ("comment", "part of a comment"),
            HtmlPosition::Script | HtmlPosition::EndTag => ("script", "part of a script"),
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
        *self = ScriptStream::default();
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
    fn a_tag_inside_of_a_tag_is_no_tag() {
        assert_eq!(meanings(&["<b <script>x</b>"]), ["HTML: <b <script>x</b>"]);
    }

    #[test]
    fn a_script_may_span_chunks() {
        let units = page(&["<script>parent.", "hear(1)</scr", "ipt>"]);
        let meanings: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(meanings, ["part of a script", "part of a script", "script: parent.hear(1)"]);
        assert_eq!(fields(&units[2]), [("end tag", "ipt>")]);
    }
}
