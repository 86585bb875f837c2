//! What lies in a body: one decoder for each kind, chosen by `Content-Type`.

use super::draft::{Draft, is_text, one_line, printable};
use super::framing::Head;
use super::jsonp::Script;
use super::multipart::Parts;
use super::ndjson::Lines;
use super::script::Page;
use super::sse::EventStream;
use super::words;
use std::fmt;

/// Names the fields of a body's content, as it comes in: in chunks, or in one piece, or until the connection closes.
/// It meets only content, never a chunk's size.
pub(super) trait Content: fmt::Debug + Send {
    /// The kind of a unit, where the body is not chunked.
    fn kind(&self) -> &'static str {
        "body"
    }

    /// Takes bytes (never none) from the front, pushes them into the draft, cuts fields. Says how many it took, and
    /// whether a unit should end behind them; a chunked body does not listen to that. It takes none only where a unit
    /// ends before the first of them.
    fn take(&mut self, bytes: &[u8], draft: &mut Draft) -> (usize, bool);

    /// Names what is still open in the draft and says what the content of this unit means. Changes nothing: it is also
    /// asked for units that are not whole yet, on a copy of the draft.
    fn finish(&self, draft: &mut Draft) -> String;

    /// The unit has ended here; the next bytes are in a new one.
    fn next_unit(&mut self) {}

    /// Some bytes of the body were not seen.
    fn lost(&mut self) {}
}

/// The decoder for the body behind this head.
pub(super) fn choose(head: &Head) -> Box<dyn Content> {
    let content_type = head.field("content-type").unwrap_or("");
    if let Some(coding) = head.field("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Box::new(Flat { label: format!("{}, packed with {coding}", words::media(content_type)), text: false });
    }
    let essence = words::essence(content_type);
    let label = words::media(content_type);
    match essence.as_str() {
        "text/event-stream" => Box::new(EventStream::new()),
        _ if label == "JSON lines" => Box::new(Lines::new()),
        "multipart/x-mixed-replace" => Box::new(Parts::new(words::parameter(content_type, "boundary"))),
        "application/javascript" | "text/javascript" => Box::new(Script::new(label)),
        // A page in one piece is a page; one in chunks may be a stream of scripts.
        "text/html" if head.field("transfer-encoding").is_some() => Box::new(Page::new()),
        "application/x-www-form-urlencoded" => Box::new(Flat { label, text: true }),
        text if text.starts_with("text/") || text.ends_with("+xml") || text.ends_with("/xml") => {
            Box::new(Flat { label, text: true })
        }
        _ if label == "JSON" => Box::new(Flat { label, text: true }),
        _ => Box::new(Flat { label, text: false }),
    }
}

/// What a unit of content says, one thing after the other.
#[derive(Debug, Default)]
pub(super) struct Said {
    things: Vec<String>,
    more: u64,
}

impl Said {
    pub fn say(&mut self, thing: String) {
        if self.things.len() < 3 { self.things.push(thing) } else { self.more += 1 }
    }

    /// All of it in one line; `part` is said of what has begun and not ended, `nothing` when there is nothing to say.
    pub fn all(&self, begun: bool, part: &str, nothing: &str) -> String {
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
struct Flat {
    /// What it is called.
    label: String,
    /// Whether it says of itself that it is text.
    text: bool,
}

impl Content for Flat {
    fn take(&mut self, bytes: &[u8], draft: &mut Draft) -> (usize, bool) {
        draft.push(bytes);
        (bytes.len(), false)
    }

    fn finish(&self, draft: &mut Draft) -> String {
        let text = self.text || is_text(draft.open());
        let shown = if text { draft.open_text() } else { printable(draft.open()) };
        let label = match self.label.as_str() {
            "" if text => "text",
            "" => "bytes",
            label => label,
        };
        let meaning = if text { format!("{label}: {}", one_line(&shown, 60)) } else { label.to_string() };
        let name = if label.len() > 40 { "content".to_string() } else { label.to_string() };
        draft.cut(name, shown, "");
        meaning
    }
}
