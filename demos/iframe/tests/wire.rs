//! The forever iframe's promises, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- iframe::`

use std::time::Duration;

use serde_json::Value;
use tests::{
    A_WHILE, DEADLINE, Message, PATIENCE, Server, Wire, check_heard, needs_our_server,
    over_a_bad_cable, start, start_with,
};

/// A call that a script in the frame makes.
#[derive(Debug, PartialEq)]
enum Call {
    Here(Value),
    Hear(Value),
    Beat,
    Over,
}

/// A frame, read as a browser reads it: whatever comes is HTML, and a script is whole when its `</script>` is there.
struct Frame {
    wire: Wire,
    html: String,
    /// What stood outside of scripts.
    outside: String,
    /// What the first script told: where the document begins.
    place: Value,
}

impl Frame {
    fn load(demo: &Server, path: &str) -> Frame {
        let mut wire = demo.get(path);
        assert_eq!(wire.status(), 200);
        Frame::of(wire, DEADLINE).expect("a document begins with its place")
    }

    /// A frame with its first script read; `None` when it did not come.
    fn of(wire: Wire, patience: Duration) -> Option<Frame> {
        let mut frame =
            Frame { wire, html: String::new(), outside: String::new(), place: Value::Null };
        match frame.call_within(patience)? {
            Call::Here(place) => frame.place = place,
            other => panic!("a document begins with its place, and not with {other:?}"),
        }
        Some(frame)
    }

    /// The next script's text; `None` when the page ended or broke.
    fn script(&mut self, patience: Duration) -> Option<String> {
        loop {
            if let Some((before, rest)) = self.html.split_once("<script>")
                && let Some((script, rest)) = rest.split_once("</script>")
            {
                self.outside += before;
                let script = script.to_string();
                self.html = rest.to_string();
                return Some(script);
            }
            let chunk = self.wire.try_chunk(patience)?;
            self.html += std::str::from_utf8(&chunk).expect("the demos write whole characters");
        }
    }

    fn call_within(&mut self, patience: Duration) -> Option<Call> {
        let script = self.script(patience)?;
        for never in ["<!--", "<script", "</", "\u{2028}", "\u{2029}"] {
            assert!(!script.contains(never), "{never:?} must not stand in a script: {script}");
        }
        Some(match script.as_str() {
            "parent.beat()" => Call::Beat,
            "parent.over()" => Call::Over,
            told => {
                let call = told
                    .strip_prefix("parent.")
                    .and_then(|rest| rest.strip_suffix(")")?.split_once('('));
                let (name, json) = call
                    .unwrap_or_else(|| panic!("a script calls the parent, and no more: {told}"));
                let json = serde_json::from_str(json)
                    .unwrap_or_else(|e| panic!("{name} is told JSON ({e}): {json}"));
                match name {
                    "here" => Call::Here(json),
                    "hear" => Call::Hear(json),
                    _ => panic!("the page has no function of that name: {told}"),
                }
            }
        })
    }

    fn call(&mut self) -> Call {
        self.call_within(DEADLINE).expect("the page goes on")
    }

    fn hear(&mut self) -> Value {
        loop {
            match self.call() {
                Call::Hear(news) => return news,
                Call::Here(_) | Call::Beat => {}
                Call::Over => panic!("the page ended"),
            }
        }
    }
}

#[test]
fn the_answer_is_a_page_that_begins_at_once_and_does_not_end() {
    let demo = start("iframe");
    let mut wire = demo.get("/frame");
    let head = wire.head();
    assert_eq!(head.status, 200);
    assert_eq!(
        head.field("Content-Type"),
        Some("text/html; charset=utf-8"),
        "a named encoding need not be guessed"
    );
    assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
    assert_eq!(
        head.field("X-Frame-Options"),
        Some("SAMEORIGIN"),
        "other sites' pages should not frame it"
    );
    assert!(head.field("Cache-Control").is_some_and(|cache| cache.contains("no-store")));
    let start = String::from_utf8(wire.chunk()).expect("UTF-8");
    assert!(start.starts_with("<!doctype html>"), "{start}");
    assert!(start.len() >= 1024, "padding makes a browser begin: {} bytes", start.len());
    let place = String::from_utf8(wire.chunk()).expect("UTF-8");
    assert!(place.starts_with("<script>parent.here({"), "{place}");
    assert!(wire.is_silent_for(A_WHILE), "nobody spoke");
}

#[test]
fn padding_is_as_long_as_the_page_asked() {
    let demo = start("iframe");
    let length = |padding: &str| {
        let mut wire = demo.get(&format!("/frame?padding={padding}"));
        assert_eq!(wire.status(), 200);
        wire.chunk().len()
    };
    let none = length("0");
    assert_eq!(length("1"), none + 1);
    assert_eq!(length("4096"), none + 4096);
    assert_eq!(length("99999999999"), none + 64 * 1024, "but not without a limit");
}

#[test]
fn a_message_is_a_script_that_calls_the_page_around() {
    let demo = start("iframe");
    let mut frame = Frame::load(&demo, &format!("/frame?after={}", demo.say("before").id));
    let said = demo.say("hello");
    assert_eq!(Message::from(&frame.hear()), said);
}

#[test]
fn what_people_say_never_ends_a_script_or_starts_one() {
    let demo = start("iframe");
    let mut frame =
        Frame::load(&demo, &format!("/frame?after={}&scripts=100", demo.say("before").id));
    for text in [
        "</script><script>alert(1)</script>",
        "</SCRIPT >",
        "</script\n>",
        "<!-- <script>",
        "--><script>alert(1)</script>",
        "<![CDATA[ ]]>",
        "<iframe src=javascript:alert(1)>",
        "line\u{2028}separator\u{2029}s",
        "\"});alert(1);({\"",
        "\\\"});alert(1)//",
        "\\u003c/script>",
        "&lt;/script&gt;",
        "\u{feff}\u{0}\u{1f}",
        "two\nlines",
        "grüße 🙂",
    ] {
        let said = demo.say(text);
        assert_eq!(Message::from(&frame.hear()), said, "it should arrive as it was said");
    }
    let (_, behind) = frame.outside.split_once("-->").expect("the padding is a comment");
    assert_eq!(behind.trim(), "", "between the scripts there is nothing");
}

#[test]
fn a_silent_frame_gives_signs_of_life() {
    let demo = start("iframe");
    let mut frame = Frame::load(&demo, &format!("/frame?after={}&beat=0.1", demo.say("before").id));
    for _ in 0..3 {
        assert_eq!(frame.call(), Call::Beat);
    }
}

#[test]
fn a_document_ends_after_its_number_of_scripts_and_the_next_one_goes_on() {
    let demo = start("iframe");
    let mut after = demo.say("before").id;
    let said: Vec<_> = (0..25).map(|n| demo.say(&format!("message {n}"))).collect();
    let mut heard = Vec::new();
    let mut wire = demo.connect();
    while heard.len() < said.len() {
        // The end is in order, so the connection carries the next document, too.
        wire.get(&format!("/frame?after={after}&scripts=10"));
        assert_eq!(wire.status(), 200);
        let mut frame = Frame::of(wire, DEADLINE).expect("a document begins with its place");
        let mut scripts = 0;
        loop {
            match frame.call() {
                Call::Hear(news) => heard.push(Message::from(&news)),
                Call::Here(_) | Call::Beat => {}
                Call::Over => break,
            }
            scripts += 1;
        }
        assert_eq!(
            scripts, 10,
            "a document has so many scripts, messages and signs of life together"
        );
        assert_eq!(frame.script(DEADLINE), None, "after the last script the page ends");
        after = heard.last().expect("something was heard").id;
        wire = frame.wire;
        if heard.len() + 10 > said.len() {
            break;
        }
    }
    let mut frame = Frame::load(&demo, &format!("/frame?after={after}&scripts=10"));
    while heard.len() < said.len() {
        heard.push(Message::from(&frame.hear()));
    }
    assert_eq!(heard, said, "nothing lost, nothing twice");
}

#[test]
fn a_cursor_that_is_too_old_or_from_before_a_restart_is_told_so() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("iframe", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut frame = Frame::load(&demo, "/frame?after=4");
    assert_eq!((&frame.place["missed"], &frame.place["after"]), (&3.into(), &7.into()));
    assert_eq!(frame.hear()["id"], 8);
    for other_life in ["57", "1-9"] {
        let mut frame = Frame::load(&demo, &format!("/frame?after={other_life}"));
        assert_eq!(frame.place["restarted"], true, "{other_life}");
        assert_eq!(frame.hear()["id"], 8);
    }
}

#[test]
fn a_document_of_one_script_brings_one_message_and_moves_on_over_a_gap() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("iframe", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut cursor = "4".to_string();
    for id in 8..=10 {
        let mut frame = Frame::load(&demo, &format!("/frame?after={cursor}&scripts=1"));
        assert_eq!(frame.hear()["id"], id, "the script that tells what is missing is not counted");
        assert_eq!(frame.call(), Call::Over);
        cursor = format!("{}-{id}", frame.place["life"].as_str().expect("the room's life"));
    }
}

#[test]
fn nonsense_in_the_query_is_passed_over() {
    let demo = start("iframe");
    let said = demo.say("heard all the same");
    for query in [
        "?after=abc",
        "?after=-x",
        "?scripts=0",
        "?scripts=-1",
        "?scripts=1e9",
        "?beat=NaN",
        "?padding=-1",
        "?padding=x",
    ] {
        assert_eq!(
            Message::from(&Frame::load(&demo, &format!("/frame{query}")).hear()),
            said,
            "{query}"
        );
    }
    let (head, _) = demo.post("/frame", "x").answer();
    assert_eq!((head.status, head.field("Allow")), (405, Some("GET, HEAD")));
    assert_eq!(demo.post("/say", &"x".repeat(1_001)).status(), 413);
}

#[test]
fn half_a_message_and_then_silence_holds_up_nobody() {
    let demo = start("iframe");
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
    let demo = start_with("iframe", &["--quiet"]);
    let heard = over_a_bad_cable(&demo, |demo, hear| {
        let mut after = 0;
        loop {
            let Ok(mut wire) = Wire::try_connect(demo.host()) else { continue };
            if wire.try_get(&format!("/frame?after={after}&scripts=20&beat=1"), &[]).is_err() {
                continue;
            }
            if wire.try_head(PATIENCE).is_none_or(|head| head.status != 200) {
                continue;
            }
            let Some(mut frame) = Frame::of(wire, PATIENCE) else { continue };
            while let Some(call) = frame.call_within(PATIENCE) {
                let Call::Hear(news) = call else { continue };
                let message = Message::from(&news);
                after = message.id;
                if !hear(message.text) {
                    return;
                }
            }
        }
    });
    check_heard(&heard);
}
