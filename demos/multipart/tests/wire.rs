//! Multipart streaming's promises, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- multipart::`

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use tests::{
    A_WHILE, DEADLINE, Head, Message, PATIENCE, Server, Wire, check_heard, needs_our_server,
    over_a_bad_cable, start, start_with,
};

/// A part: its header fields, names in lower case, and its content.
#[derive(Debug)]
struct Part {
    fields: Vec<(String, String)>,
    content: Vec<u8>,
}

impl Part {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    fn message(&self) -> Option<Message> {
        let (id, at) = (self.field("id")?.parse().ok()?, self.field("at")?.parse().ok()?);
        Some(Message { id, at, text: String::from_utf8(self.content.clone()).ok()? })
    }
}

/// The parts of an answer, taken apart by their length.
struct Parts {
    wire: Wire,
    boundary: String,
    rest: Vec<u8>,
    /// What the first part of `/parts` told: where the stream begins.
    place: Value,
}

impl Parts {
    fn of(wire: Wire, head: &Head) -> Parts {
        let kind = head.field("Content-Type").unwrap_or_default();
        let boundary = kind
            .strip_prefix("multipart/x-mixed-replace;")
            .and_then(|rest| rest.trim().strip_prefix("boundary="));
        let boundary =
            boundary.unwrap_or_else(|| panic!("this is not multipart/x-mixed-replace: {kind:?}"));
        Parts {
            wire,
            boundary: boundary.trim_matches('"').to_string(),
            rest: Vec::new(),
            place: Value::Null,
        }
    }

    fn load(demo: &Server, path: &str) -> Parts {
        let mut wire = demo.get(path);
        let head = wire.head();
        assert_eq!(head.status, 200);
        let mut parts = Parts::of(wire, &head);
        if path.starts_with("/parts") {
            let first = parts.part();
            assert_eq!(first.field("content-type"), Some("application/json"));
            parts.place = serde_json::from_slice(&first.content).expect("a place is JSON");
        }
        parts
    }

    fn next_within(&mut self, patience: Duration) -> Option<Part> {
        loop {
            if let Some(part) = self.take() {
                return Some(part);
            }
            let chunk = self.wire.try_chunk(patience)?;
            self.rest.extend(chunk);
        }
    }

    fn take(&mut self) -> Option<Part> {
        let end = self.rest.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8(self.rest[..end].to_vec()).expect("a part's head is ASCII");
        let mut lines = head.split("\r\n");
        assert_eq!(
            lines.next(),
            Some(format!("--{}", self.boundary).as_str()),
            "a part starts with the boundary"
        );
        let field = |line: &str| {
            let (name, value) =
                line.split_once(": ").unwrap_or_else(|| panic!("a header field: {line:?}"));
            (name.to_ascii_lowercase(), value.to_string())
        };
        let mut part = Part { fields: lines.map(field).collect(), content: Vec::new() };
        let length: usize = part
            .field("content-length")
            .and_then(|length| length.parse().ok())
            .expect("its length");
        let next = end + 4 + length + 2;
        if self.rest.len() < next {
            return None;
        }
        assert_eq!(
            &self.rest[next - 2..next],
            b"\r\n",
            "the line end before a boundary belongs to the boundary"
        );
        part.content = self.rest[end + 4..next - 2].to_vec();
        self.rest.drain(..next);
        Some(part)
    }

    fn part(&mut self) -> Part {
        self.next_within(DEADLINE).expect("the stream goes on")
    }

    fn message(&mut self) -> Message {
        loop {
            if let Some(message) = self.part().message() {
                return message;
            }
        }
    }
}

#[test]
fn the_answer_is_multipart_with_a_boundary_of_its_own() {
    let demo = start("multipart");
    let mut boundaries = HashSet::new();
    for path in ["/parts", "/parts", "/parts", "/clock", "/clock"] {
        let head = demo.get(path).head();
        assert_eq!(head.status, 200);
        assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
        assert!(
            head.field("Cache-Control").is_some_and(|cache| cache.contains("no-transform")),
            "{head:?}"
        );
        let parts = Parts::of(demo.connect(), &head);
        let fits = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=?".contains(c);
        assert!(
            (1..=70).contains(&parts.boundary.len()) && parts.boundary.chars().all(fits),
            "RFC 2046, 5.1.1"
        );
        boundaries.insert(parts.boundary);
    }
    assert_eq!(
        boundaries.len(),
        5,
        "a boundary used twice can be said in the room by those who saw it"
    );
}

#[test]
fn a_message_is_a_part_with_a_head_of_its_own() {
    let demo = start("multipart");
    let mut parts = Parts::load(&demo, &format!("/parts?after={}", demo.say("before").id));
    let said = demo.say("hello");
    let part = parts.part();
    assert_eq!(part.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(part.message(), Some(said));
}

#[test]
fn the_boundary_behind_a_part_comes_with_it() {
    let demo = start("multipart");
    let mut parts = Parts::load(&demo, &format!("/parts?after={}", demo.say("before").id));
    demo.say("hello");
    parts.part();
    assert_eq!(
        String::from_utf8_lossy(&parts.rest),
        format!("--{}\r\n", parts.boundary),
        "a browser that does not read lengths knows only by the next boundary that a part is whole"
    );
    assert!(parts.wire.is_silent_for(A_WHILE));
}

#[test]
fn boundaries_in_messages_are_words_like_any_other() {
    let demo = start("multipart");
    let mut parts = Parts::load(&demo, &format!("/parts?after={}", demo.say("before").id));
    let real = parts.boundary.clone();
    for text in [
        format!("--{real}"),
        format!("--{real}--"),
        format!("\n--{real}\n"),
        format!("\n--{real}--\nContent-Length: 5\n\nhello\n--{real}\n"),
        format!(
            "words\r\n--{real}\r\nId: 1\r\nAt: 1\r\nContent-Length: 4\r\n\r\nlies\r\n--{real}\r\n"
        ),
        "--".to_string(),
        "----".to_string(),
        "a\n\n\nb".to_string(),
        "ends in a line end\n".to_string(),
        "\u{feff}grüße 🙂 \u{0}".to_string(),
    ] {
        let said = demo.say(&text);
        assert_eq!(parts.message(), said);
    }
}

#[test]
fn a_silent_stream_has_empty_parts_for_a_heartbeat() {
    let demo = start("multipart");
    let mut parts = Parts::load(&demo, &format!("/parts?after={}&beat=0.1", demo.say("before").id));
    for _ in 0..3 {
        let part = parts.part();
        assert!(part.content.is_empty() && part.message().is_none(), "{part:?}");
    }
}

#[test]
fn a_stream_begins_after_the_cursor_and_everyone_hears_everyone() {
    let demo = start("multipart");
    let said: Vec<_> = ["one", "two", "three"].into_iter().map(|text| demo.say(text)).collect();
    for _ in 0..10 {
        let mut parts = Parts::load(&demo, &format!("/parts?after={}", said[0].id));
        assert_eq!(parts.message(), said[1]);
        assert_eq!(parts.message(), said[2]);
    }
}

#[test]
fn a_cursor_that_is_too_old_or_from_before_a_restart_is_told_so() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("multipart", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut parts = Parts::load(&demo, "/parts?after=4");
    assert_eq!((&parts.place["missed"], &parts.place["after"]), (&3.into(), &7.into()));
    assert_eq!(parts.message().id, 8);
    for other_life in ["57", "1-9"] {
        let mut parts = Parts::load(&demo, &format!("/parts?after={other_life}"));
        assert_eq!(parts.place["restarted"], true, "{other_life}");
        assert_eq!(parts.message().id, 8);
    }
}

#[test]
fn the_clock_is_a_bitmap_and_another_and_another() {
    let demo = start("multipart");
    let mut parts = Parts::load(&demo, "/clock?every=400");
    let mut pictures = HashSet::new();
    for _ in 0..5 {
        let part = parts.part();
        assert_eq!(part.field("content-type"), Some("image/bmp"));
        assert_eq!(&part.content[..2], b"BM");
        let length = u32::from_le_bytes(part.content[2..6].try_into().expect("four bytes"));
        assert_eq!(length as usize, part.content.len(), "the length in its header");
        pictures.insert(part.content);
    }
    assert!(pictures.len() >= 2, "1.6 seconds have passed, and the clock stands");
}

#[test]
fn nonsense_in_the_query_is_passed_over() {
    let demo = start("multipart");
    let said = demo.say("heard all the same");
    for query in ["?after=abc", "?after=-x", "?beat=NaN", "?beat=-1", "?beat", "?&&=&after="] {
        assert_eq!(Parts::load(&demo, &format!("/parts{query}")).message(), said, "{query}");
    }
    for query in ["?every=0", "?every=-1", "?every=99999999999999999999", "?every=x"] {
        assert_eq!(
            Parts::load(&demo, &format!("/clock{query}")).part().field("content-type"),
            Some("image/bmp")
        );
    }
    for path in ["/parts", "/clock"] {
        let (head, _) = demo.post(path, "x").answer();
        assert_eq!((head.status, head.field("Allow")), (405, Some("GET, HEAD")));
    }
    assert_eq!(demo.post("/say", &"x".repeat(1_001)).status(), 413);
}

#[test]
fn half_a_message_and_then_silence_holds_up_nobody() {
    let demo = start("multipart");
    let half = format!(
        "POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 50\r\n\r\nhalf of a",
        demo.host()
    );
    let _half: Vec<_> = (0..10).map(|_| demo.send(&half)).collect();
    demo.lives_on();
}

#[test]
fn over_a_bad_cable_no_message_is_lost_doubled_or_swapped() {
    needs_our_server!("our bench");
    let demo = start_with("multipart", &["--quiet"]);
    let heard = over_a_bad_cable(&demo, |demo, hear| {
        let mut after = 0;
        loop {
            let Ok(mut wire) = Wire::try_connect(demo.host()) else { continue };
            if wire.try_get(&format!("/parts?after={after}&beat=1"), &[]).is_err() {
                continue;
            }
            let Some(head) = wire.try_head(PATIENCE).filter(|head| head.status == 200) else {
                continue;
            };
            let mut parts = Parts::of(wire, &head);
            while let Some(part) = parts.next_within(PATIENCE) {
                let Some(message) = part.message() else { continue };
                after = message.id;
                if !hear(message.text) {
                    return;
                }
            }
        }
    });
    check_heard(&heard);
}
