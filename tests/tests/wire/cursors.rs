//! Readers that come back with an old cursor, over every technique: the same three stories for all demos. What a technique makes
//! of them on its wire, the demo's `tests/cursor.rs` reads.

use serde_json::json;
use tests::cursor::{Listen, Told};
use tests::websocket::{TEXT, frame};
use tests::{Server, needs_our_server, start, start_with};

use super::scaleout;

/// Runs a story with every demo, side by side, and tells of all that fail.
fn of_all_demos(story: fn(&str, Listen)) {
    let can_be_read = |name: &str| name != "scaleout" || scaleout::cursor::has_a_log();
    let stories: Vec<_> = super::LISTENERS
        .iter()
        .filter(|(name, _)| can_be_read(name))
        .map(|&(name, listen)| {
            (name, std::thread::Builder::new().name(name.to_string()).spawn(move || story(name, listen)))
        })
        .collect();
    let fails = |(name, story): (&'static str, std::io::Result<std::thread::JoinHandle<()>>)| {
        story.expect("a thread starts").join().is_err().then_some(name)
    };
    let failed: Vec<_> = stories.into_iter().filter_map(fails).collect();
    assert!(failed.is_empty(), "not so with {failed:?}");
}

/// Says these: by `POST /say`, or over a WebSocket where the demo knows no other way.
fn say(demo: &Server, texts: &[String]) {
    if demo.speaks_http2() {
        return demo.say_all(texts);
    }
    if demo.get("/say").any_head().status != 404 {
        // 405: it is there, for another method
        return if demo.name() == "scaleout" { scaleout::cursor::say_all(demo, texts) } else { demo.say_all(texts) };
    }
    let mut writer = demo.websocket("/");
    for text in texts {
        writer.send(frame(TEXT, json!({ "type": "say", "text": text }).to_string()));
        writer.told("said");
    }
}

/// The words for the numbers up to this one.
fn numbers(last: usize) -> Vec<String> {
    (1..=last).map(|number| number.to_string()).collect()
}

/// All that a reader is told until it has heard that many messages, added up; and how many records it took.
fn told_until(listener: &mut impl FnMut() -> Told, messages: usize) -> (Told, usize, usize) {
    let (mut sum, mut restarts, mut records) = (Told::default(), 0, 0);
    while sum.messages.len() < messages {
        let told = listener();
        records += 1;
        restarts += usize::from(told.restarted);
        sum.missed += told.missed;
        sum.messages.extend(told.messages);
        assert!(records < 10_000, "ten thousand records, and only {:?} in them", sum.messages);
    }
    (sum, restarts, records)
}

#[test]
fn a_restart_into_an_empty_room_is_told_once() {
    needs_our_server!("an empty room");
    of_all_demos(|name, listen| {
        for cursor in ["5", "1-5"] {
            let demo = start(name);
            let mut listener = listen(&demo, cursor);
            while !listener().restarted {}
            say(&demo, &["the first of this life".to_string()]);
            let (sum, restarts, records) = told_until(&mut listener, 1);
            assert_eq!((sum.messages[0].as_str(), sum.missed), ("the first of this life", 0), "{name}, {cursor}");
            assert_eq!(restarts, 0, "{name}, {cursor}: the restart was told again");
            // A page that polls has empty answers meanwhile; a stream has nothing to say but the message.
            assert!(records < 100, "{name}, {cursor}: {records} records for one message");
        }
    });
}

#[test]
fn a_cursor_of_another_life_is_noticed_although_the_new_numbers_have_overtaken_it() {
    needs_our_server!("a room with five messages");
    of_all_demos(|name, listen| {
        let demo = start(name);
        say(&demo, &numbers(5));
        let (sum, restarts, _) = told_until(&mut listen(&demo, "1-3"), 5);
        assert_eq!((sum.messages, restarts), (numbers(5), 1), "{name}");
    });
}

#[test]
fn a_gap_in_a_full_room_is_told_and_what_is_kept_follows() {
    needs_our_server!("a room of three messages: --capacity 3");
    of_all_demos(|name, listen| {
        let demo = start_with(name, &["--capacity", "3"]);
        say(&demo, &numbers(10));
        let (sum, restarts, _) = told_until(&mut listen(&demo, "4"), 3);
        assert_eq!((sum.missed, restarts), (3, 0), "{name}");
        assert_eq!(sum.messages, ["8", "9", "10"], "{name}");
    });
}
