//! What lies in a body: one decoder for each kind, chosen by `Content-Type`.

mod html_scripts;
mod jsonp;
mod multipart;
mod ndjson;
mod sse;

use crate::glossary;
use crate::http::MessageHead;
use crate::show::{is_text, one_line, printable};
use crate::unit::UnitBuilder;
use html_scripts::ScriptStream;
use jsonp::Jsonp;
use multipart::MixedReplace;
use ndjson::JsonLines;
use sse::EventStream;
use std::fmt;

/// Names the fields of a body's content, as it comes in: in chunks, or in one piece, or until the connection closes.
/// It meets only content, never a chunk's size.
pub(crate) trait BodyDecoder: fmt::Debug + Send {
    /// The kind of a unit, where the body is not chunked.
    fn kind(&self) -> &'static str {
        "body"
    }

    /// Takes bytes (never none) from the front, pushes them into the builder, cuts fields. Says how many it took, and
    /// whether a unit should end behind them; a chunked body does not listen to that. It takes none only where a unit
    /// ends before the first of them.
    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool);

    /// Names what is still open in the builder and says what the content of this unit means. Changes nothing: it is also
    /// asked for units that are not whole yet, on a copy of the builder.
    fn finish(&self, builder: &mut UnitBuilder) -> String;

    /// The unit has ended here; the next bytes are in a new one.
    fn next_unit(&mut self) {}

    /// Some bytes of the body were not seen.
    fn lost(&mut self) {}
}

/// The decoder for the body behind this head.
pub(crate) fn choose(head: &MessageHead) -> Box<dyn BodyDecoder> {
    let field = |name| head.field(name).unwrap_or("");
    of_type(field("content-type"), field("content-encoding"), head.field("transfer-encoding").is_some())
}

/// The decoder for a body of this type. `in_pieces`: its length is not known ahead.
pub(crate) fn of_type(content_type: &str, coding: &str, in_pieces: bool) -> Box<dyn BodyDecoder> {
    if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
        return Box::new(PlainBody {
            label: format!("{}, packed with {coding}", glossary::media(content_type)),
            text: false,
        });
    }
    let essence = glossary::essence(content_type);
    let label = glossary::media(content_type);
    match essence.as_str() {
        "text/event-stream" => Box::new(EventStream::default()),
        _ if label == "JSON lines" => Box::new(JsonLines::default()),
        "multipart/x-mixed-replace" => Box::new(MixedReplace::new(glossary::parameter(content_type, "boundary"))),
        "application/javascript" | "text/javascript" => Box::new(Jsonp::new(label)),
        // A page in one piece is a page; one in chunks may be a stream of scripts.
        "text/html" if in_pieces => Box::new(ScriptStream::default()),
        "application/x-www-form-urlencoded" => Box::new(PlainBody { label, text: true }),
        text if text.starts_with("text/") || text.ends_with("+xml") || text.ends_with("/xml") => {
            Box::new(PlainBody { label, text: true })
        }
        _ if label == "JSON" => Box::new(PlainBody { label, text: true }),
        _ => Box::new(PlainBody { label, text: false }),
    }
}

/// What a unit of content says, one thing after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    things: Vec<String>,
    more: u64,
}

impl Summary {
    pub fn add(&mut self, thing: String) {
        if self.things.len() < 3 { self.things.push(thing) } else { self.more += 1 }
    }

    /// All of it in one line; `part` is said of what has begun and not ended, `nothing` when there is nothing to say.
    pub fn text(&self, begun: bool, part: &str, nothing: &str) -> String {
        let mut all = self.things.clone();
        if self.more > 0 {
            all.push(format!("and {} more", self.more));
        }
        if begun {
            all.push(part.to_string());
        }
        if all.is_empty() { nothing.to_string() } else { all.join("; ") }
    }
}

/// Content without inner parts: text, JSON, or bytes.
#[derive(Debug)]
struct PlainBody {
    /// What it is called.
    label: String,
    /// Whether it says of itself that it is text.
    text: bool,
}

impl BodyDecoder for PlainBody {
    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool) {
        builder.push(bytes);
        (bytes.len(), false)
    }

    fn finish(&self, builder: &mut UnitBuilder) -> String {
        let text = self.text || is_text(builder.open());
        let shown = if text { builder.open_text() } else { printable(builder.open()) };
        if self.label == "JSON" && !shown.is_empty() && shown.trim().is_empty() {
            builder.cut("white space", shown, glossary::SIGN_OF_LIFE);
            return "white space: a sign of life".to_string();
        }
        let label = match self.label.as_str() {
            "" if text => "text",
            "" => "bytes",
            label => label,
        };
        let meaning = if text { format!("{label}: {}", one_line(&shown, 60)) } else { label.to_string() };
        let name = if label.len() > 40 { "content".to_string() } else { label.to_string() };
        builder.cut(name, shown, "");
        meaning
    }
}
