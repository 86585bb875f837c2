//! What the chat promises on the wire. Most promises are kept by the room on tungstenite and by the same room by hand: the
//! example `by_hand`. Aim them at your own server: `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- chat::`

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::websocket::{BINARY, CLOSE, PING, PONG, TEXT, frame};
use tests::{DEADLINE, Server, Wire, needs_our_server, start, start_with, workspace};

/// A member: its connection, and what the first event told it.
struct Member {
    wire: Wire,
    here: Value,
}

impl Member {
    fn join(demo: &Server, query: &str) -> Member {
        let mut wire = demo.websocket(&format!("/?{query}"));
        let here = event(&mut wire);
        assert_eq!(here["type"], "here", "the first event: {here}");
        Member { wire, here }
    }

    fn send(&mut self, event: &Value) {
        self.wire.send(frame(TEXT, event.to_string()));
    }

    fn say(&mut self, text: &str) {
        self.send(&json!({ "type": "say", "text": text, "key": text }));
    }

    /// The next event, which is of this type.
    fn next(&mut self, kind: &str) -> Value {
        let event = event(&mut self.wire);
        assert_eq!(event["type"], kind, "the next event: {event}");
        event
    }

    /// The text of the next event, which is a message.
    fn hears(&mut self) -> String {
        self.next("message")["text"].as_str().unwrap_or_default().to_string()
    }

    /// The code of the Close frame that comes at some time; `None` when the connection ended without it.
    fn until_closed(&mut self) -> Option<u16> {
        loop {
            match self.wire.try_frame(DEADLINE)? {
                (CLOSE, payload) => {
                    return payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
                }
                _ => continue,
            }
        }
    }
}

/// The next event; pings are passed over.
fn event(wire: &mut Wire) -> Value {
    loop {
        match wire.frame() {
            (PING, _) => {}
            (TEXT, payload) => return serde_json::from_slice(&payload).expect("an event is JSON"),
            (first, payload) => panic!("a text should have come: {first:02x} {payload:02x?}"),
        }
    }
}

/// Tells the story to the room on the library, and to the same room by hand.
fn both(story: fn(&Server)) {
    story(&start("chat"));
    if !tests::aimed() {
        story(&start("chat/by_hand"));
    }
}

// ---- Names and rooms ------------------------------------------------------------------------------------------------------

#[test]
fn the_first_event_says_the_room_the_name_and_who_is_here() {
    both(|demo| {
        let ann = Member::join(demo, "room=tea%20room&name=Zo%C3%AB");
        assert_eq!((&ann.here["room"], &ann.here["you"]), (&json!("tea room"), &json!("Zoë")));
        let second = Member::join(demo, "room=tea%20room&name=zo%C3%AB");
        assert_eq!(second.here["you"], "zoë-2", "a name is taken whatever its case");
        assert_eq!(second.here["names"], json!(["Zoë", "zoë-2"]));
        let guest = Member::join(demo, "name=%3Cb%3E&room=%00");
        assert_eq!(
            (&guest.here["room"], &guest.here["you"]),
            (&json!("lobby"), &json!("guest")),
            "what is no name is not taken for one"
        );
    });
}

#[test]
fn who_joins_renames_and_leaves_is_told_to_the_others() {
    both(|demo| {
        let mut ann = Member::join(demo, "room=tea&name=ann");
        let mut bob = Member::join(demo, "room=tea&name=bob");
        assert_eq!(ann.next("joined")["name"], "bob");
        bob.send(&json!({ "type": "rename", "name": "ANN", "key": "k" }));
        let refused = bob.next("refused");
        assert_eq!(refused["key"], "k");
        assert!(refused["why"].as_str().is_some_and(|why| why.contains("taken")), "{refused}");
        bob.send(&json!({ "type": "rename", "name": "rob" }));
        for member in [&mut ann, &mut bob] {
            let renamed = member.next("renamed");
            assert_eq!((&renamed["from"], &renamed["to"]), (&json!("bob"), &json!("rob")));
        }
        bob.say("hello");
        assert_eq!(ann.next("message")["by"], "rob");
        drop(bob);
        assert_eq!(ann.next("left")["name"], "rob");
    });
}

#[test]
fn a_room_hears_its_own_members_only() {
    both(|demo| {
        let mut tea = Member::join(demo, "room=tea&name=ann");
        let mut coffee = Member::join(demo, "room=coffee&name=ann");
        tea.say("tea");
        coffee.say("coffee");
        assert_eq!((tea.hears(), coffee.hears()), ("tea".to_string(), "coffee".to_string()));
    });
}

#[test]
fn a_tab_that_comes_back_takes_the_place_of_its_dead_connection() {
    both(|demo| {
        let mut dead = Member::join(demo, "name=ann&tab=secret");
        let back = Member::join(demo, "name=ann&tab=secret");
        assert_eq!(back.here["you"], "ann");
        assert_eq!(dead.until_closed(), Some(1000));
        let other = Member::join(demo, "name=ann&tab=another");
        assert_eq!(other.here["you"], "ann-2", "without the secret it is somebody else");
    });
}

// ---- Messages -------------------------------------------------------------------------------------------------------------

#[test]
fn a_message_is_heard_by_all_with_its_author_and_answered_to_one() {
    both(|demo| {
        let (mut ann, mut bob) = (Member::join(demo, "name=ann"), Member::join(demo, "name=bob"));
        ann.next("joined");
        ann.send(&json!({ "type": "say", "text": "<b>hello</b>", "key": "k1" }));
        for member in [&mut ann, &mut bob] {
            let message = member.next("message");
            assert_eq!((&message["by"], &message["text"]), (&json!("ann"), &json!("<b>hello</b>")));
        }
        assert_eq!(ann.next("said")["key"], "k1");
        ann.wire.send(frame(TEXT, "by hand")); // text that is no event is said as it is
        assert_eq!(bob.hears(), "by hand");
    });
}

#[test]
fn who_joins_hears_what_was_said_before_and_who_comes_back_what_was_missed() {
    both(|demo| {
        let mut ann = Member::join(demo, "name=ann");
        for text in ["one", "two", "three"] {
            ann.say(text);
            ann.next("message");
            ann.next("said");
        }
        let mut late = Member::join(demo, "name=late");
        assert_eq!([late.hears(), late.hears(), late.hears()], ["one", "two", "three"]);
        let life = late.here["life"].as_str().expect("a life").to_string();
        let mut back = Member::join(demo, &format!("name=back&after={life}-2"));
        assert_eq!(back.hears(), "three", "not what it has already");
        assert_eq!(back.here.get("missed"), None);
        let elsewhere = Member::join(demo, "name=lost&after=deadbeef-2");
        assert_eq!(elsewhere.here["restarted"], true, "a cursor of another life");
    });
}

/// Between every two messages the connection is reset, now before and now behind the answer: the client says again what was
/// not answered, under the same key.
#[test]
fn over_broken_connections_nothing_is_missed_and_nothing_doubled() {
    both(|demo| {
        let (mut heard, mut after) = (Vec::new(), String::new());
        for n in 0..10 {
            let mut ann = Member::join(demo, &format!("name=ann&tab=t&after={after}"));
            let life = ann.here["life"].as_str().expect("a life").to_string();
            let texts = [format!("text {}", n / 2), format!("more {n}")];
            texts.iter().for_each(|text| ann.say(text)); // the first one twice, over two connections
            while heard.last() != Some(&texts[1]) {
                let message = ann.wire.told("message");
                after = format!("{life}-{}", message["id"]);
                heard.push(message["text"].as_str().expect("a text").to_string());
            }
            ann.wire.reset();
        }
        let expected = (0..10).flat_map(|n| {
            [(n % 2 == 0).then(|| format!("text {}", n / 2)), Some(format!("more {n}"))]
        });
        assert_eq!(heard, expected.flatten().collect::<Vec<_>>());
    });
}

#[test]
fn a_private_message_is_heard_by_two_and_not_by_the_third() {
    both(|demo| {
        let mut all = ["ann", "bob", "eve"].map(|name| Member::join(demo, &format!("name={name}")));
        let [ann, bob, eve] = &mut all;
        ann.next("joined");
        ann.next("joined");
        bob.next("joined");
        ann.send(&json!({ "type": "private", "to": "Bob", "text": "psst", "key": "k" }));
        for member in [&mut *ann, &mut *bob] {
            let private = member.next("private");
            assert_eq!(
                (&private["from"], &private["to"], &private["text"]),
                (&json!("ann"), &json!("bob"), &json!("psst"))
            );
        }
        assert_eq!(ann.next("said")["key"], "k");
        ann.send(&json!({ "type": "private", "to": "zoe", "text": "psst", "key": "k2" }));
        assert_eq!(ann.next("refused")["key"], "k2", "a private message is for one who is here");
        ann.say("aloud");
        assert_eq!(eve.hears(), "aloud");
        assert_eq!(
            Member::join(demo, "name=late").hears(),
            "aloud",
            "a private message is no history"
        );
    });
}

#[test]
fn the_others_are_told_who_is_writing() {
    both(|demo| {
        let (mut ann, mut bob) = (Member::join(demo, "name=ann"), Member::join(demo, "name=bob"));
        ann.next("joined");
        ann.send(&json!({ "type": "typing" }));
        assert_eq!(bob.next("typing")["name"], "ann");
        ann.say("done");
        assert_eq!(ann.hears(), "done", "not to the one who writes");
    });
}

// ---- Limits ---------------------------------------------------------------------------------------------------------------

/// Walks "Too much at once." in chat.md.
#[test]
fn who_says_too_much_at_once_is_told_how_long_to_wait_and_then_to_go() {
    needs_our_server!("a flood limit of 20");
    let demo = start("chat");
    let mut ann = Member::join(&demo, "name=ann");
    let many: Vec<u8> = (0..400).flat_map(|_| frame(TEXT, r#"{"type":"typing"}"#)).collect();
    ann.wire.send(many);
    let why = ann.next("refused")["why"].as_str().expect("a sentence").to_string();
    assert!(why.contains("20 events, and then 5 a second. Try again in 0."), "{why}");
    assert_eq!(ann.until_closed(), Some(1008));
}

/// Walks "A slow reader." in chat.md. The slow one is closed with 1013, unless its write time-out is over first.
#[test]
fn a_member_that_reads_nothing_slows_no_other_and_is_told_to_come_again() {
    needs_our_server!("a limit of 256 KiB for what waits");
    let demo = start_with("chat", &["--no-bench"]);
    let mut slow = Member::join(&demo, "room=tea&name=slow");
    let life = slow.here["life"].as_str().expect("a life").to_string();
    let mut witness = Member::join(&demo, "room=tea&name=witness");
    let long = "\u{1f980}".repeat(600); // of four bytes each
    let (mut said, mut left) = (0, false);
    // Each speaker says what the flood limit allows. The kernel holds some of it for the slow one, too.
    for n in 0..300 {
        let mut speaker = demo.websocket(&format!("/?room=tea&name=s{n}&after={life}-{said}"));
        let texts: Vec<String> = (0..20).map(|m| format!("{n} {m} {long}")).collect();
        let say = |text: &String| frame(TEXT, json!({ "type": "say", "text": text }).to_string());
        speaker.send(texts.iter().flat_map(say).collect::<Vec<u8>>());
        for text in &texts {
            let message = loop {
                let event = event(&mut witness.wire);
                left |= event["type"] == "left" && event["name"] == "slow";
                if event["type"] == "message" {
                    break event;
                }
            };
            assert_eq!(message["text"], **text, "the witness hears everything, in order");
            said = message["id"].as_u64().expect("an id");
        }
        drop(speaker);
        if left || n == 40 {
            break;
        }
    }
    let code = slow.until_closed();
    assert!(matches!(code, Some(1013) | None), "{code:?}");
    // It comes back behind what it read, and is told what the room still has.
    let back = Member::join(&demo, &format!("room=tea&name=slow&after={life}-1"));
    assert_eq!(back.here["after"].as_u64().unwrap_or(0) + 100, said, "a hundred messages are kept");
    assert_eq!(back.here["missed"], said - 101);
}

#[test]
fn the_room_closes_with_the_code_that_says_why() {
    both(|demo| {
        let close_code = |bytes: Vec<u8>| {
            let mut member = Member::join(demo, "name=ann");
            let _ = member.wire.try_send(bytes);
            member.until_closed()
        };
        assert_eq!(close_code(frame(BINARY, "x")), Some(1003));
        assert_eq!(close_code(b"\x81\x05Hello".to_vec()), Some(1002), "not masked");
        assert_eq!(close_code(frame(0xC1, "x")), Some(1002), "a reserved bit");
        assert_eq!(close_code(frame(0x83, "x")), Some(1002), "an opcode that means nothing");
        assert_eq!(close_code(frame(TEXT, b"\xff")), Some(1007));
        assert_eq!(close_code(frame(TEXT, "x".repeat(16 * 1024 + 1))), Some(1009));
        assert_eq!(close_code(frame(CLOSE, b"\x0f\xa0bye")), Some(4000), "its own code comes back");
        assert_eq!(close_code(frame(CLOSE, b"")), None, "no code, no code");
        tests::until("all of them have left", || {
            Member::join(demo, "name=ann").here["names"] == json!(["ann"])
        });
    });
}

/// Two threads share each socket: the frames of one must not end up inside those of the other.
#[test]
fn pings_are_answered_while_the_room_talks_and_no_frame_ends_up_inside_another() {
    both(|demo| {
        let mut ann = Member::join(demo, "room=tea&name=ann");
        let mut speakers: Vec<Member> =
            (0..5).map(|n| Member::join(demo, &format!("room=tea&name=s{n}"))).collect();
        let (mut pongs, mut messages) = (0, 0);
        for n in 0..15 {
            for speaker in &mut speakers {
                speaker.send(&json!({ "type": "say", "text": format!("{n} {}", "x".repeat(900)) }));
                ann.wire.send(frame(PING, "there?"));
            }
        }
        while pongs < 75 || messages < 75 {
            match ann.wire.frame() {
                (PONG, payload) => {
                    assert_eq!(payload, b"there?");
                    pongs += 1;
                }
                (first, payload) => {
                    let event: Value = serde_json::from_slice(&payload).expect("an event is JSON");
                    assert_eq!(first, TEXT);
                    messages += u32::from(event["type"] == "message");
                }
            }
        }
        assert_eq!((pongs, messages), (75, 75));
    });
}

#[test]
fn a_page_of_another_origin_gets_no_socket() {
    let demo = start_with("chat", &["--no-bench"]);
    let handshake = tests::websocket::handshake(demo.host(), "/?name=eve");
    let foreign = handshake.replacen("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n", 1);
    assert_eq!(demo.send(foreign).status(), 403);
    let own = format!("\r\nOrigin: http://{}\r\n\r\n", demo.host());
    assert_eq!(demo.send(handshake.replacen("\r\n\r\n", &own, 1)).any_head().status, 101);
}

// ---- The table of the chapter ---------------------------------------------------------------------------------------------

/// Who sends it, an event with all the fields that it always has, and the fields that it may have besides.
struct Row {
    by_server: bool,
    event: Value,
    may_have: Value,
}

/// The table of events in the chapter.
fn table() -> Vec<Row> {
    let chapter =
        std::fs::read_to_string(workspace().join("book/src/chat.md")).expect("the chapter");
    let json = |cell: &str| -> Value {
        let inside = cell.trim().trim_matches('`').trim();
        let inside = if inside.is_empty() { "{}" } else { inside };
        serde_json::from_str(inside).unwrap_or_else(|error| panic!("{inside}: {error}"))
    };
    let rows = chapter
        .lines()
        .filter(|line| line.starts_with("| server |") || line.starts_with("| client |"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        Row {
            by_server: cells[0].trim() == "server",
            event: json(cells[1]),
            may_have: json(cells[2]),
        }
    })
    .collect()
}

/// The names of the fields, each with the kind of its value.
fn fields(event: &Value) -> BTreeMap<&str, &'static str> {
    let kind = |value: &Value| match value {
        Value::String(_) => "text",
        Value::Number(_) => "number",
        Value::Bool(_) => "true",
        Value::Array(_) => "list",
        _ => "other",
    };
    event
        .as_object()
        .expect("an event")
        .iter()
        .map(|(name, value)| (name.as_str(), kind(value)))
        .collect()
}

/// The table is the schema: every event that a server sends has a row there, with these fields and no others.
#[test]
fn the_events_on_the_wire_are_those_of_the_table_in_the_chapter() {
    let table = table();
    assert_eq!(table.len(), 13, "rows of the table");
    both(|demo| {
        let table = self::table();
        let (mut ann, mut bob) = (Member::join(demo, "name=ann"), Member::join(demo, "name=bob"));
        let mut sent = vec![ann.here.clone(), bob.here.clone()];
        sent.push(Member::join(demo, "name=eve&after=deadbeef-7").here); // and she leaves
        for row in table.iter().filter(|row| !row.by_server) {
            bob.send(&row.event);
        }
        bob.send(&json!({ "type": "dance" }));
        loop {
            let event = event(&mut bob.wire);
            sent.push(event.clone());
            if event["type"] == "refused" {
                let why = event["why"].as_str().unwrap_or_default();
                assert!(
                    why.starts_with("An event has a type"),
                    "an event of the table is refused: {event}"
                );
                break;
            }
        }
        drop(bob);
        loop {
            let event = event(&mut ann.wire);
            sent.push(event.clone());
            if event["type"] == "left" && event["name"] != "eve" {
                break;
            }
        }
        let mut seen = BTreeSet::new();
        for event in &sent {
            let kind = event["type"].as_str().expect("a type");
            let row = table.iter().find(|row| row.by_server && row.event["type"] == kind);
            let row = row.unwrap_or_else(|| panic!("the table has no row for {event}"));
            let (has, must_have, may_have) =
                (fields(event), fields(&row.event), fields(&row.may_have));
            for (name, kind) in &must_have {
                assert_eq!(has.get(name), Some(kind), "{name} of {event}");
            }
            for (name, kind) in &has {
                let known = must_have.get(name).or(may_have.get(name));
                assert_eq!(Some(kind), known, "{name} of {event} is in the table");
            }
            seen.insert(kind.to_string());
        }
        let told: BTreeSet<String> = table
            .iter()
            .filter(|row| row.by_server)
            .map(|row| row.event["type"].as_str().expect("a type").to_string())
            .collect();
        assert_eq!(seen, told, "every row of the table was seen on the wire");
    });
}

#[test]
fn nested_brackets_and_long_keys_are_refused_and_the_room_lives_on() {
    both(|demo| {
        let mut ann = Member::join(demo, "name=ann");
        let deep = format!(r#"{{"type":"say","text":{}"#, "[".repeat(10_000));
        ann.wire.send(frame(TEXT, deep));
        assert!(ann.next("refused")["why"].as_str().is_some_and(|why| why.contains("characters")));
        ann.send(&json!({ "type": "say", "text": "x", "key": "k".repeat(65) }));
        assert!(
            ann.next("refused")["why"].as_str().is_some_and(|why| why.contains("key has 65 bytes"))
        );
        ann.say("alive");
        assert_eq!(ann.hears(), "alive");
    });
}

#[test]
fn a_client_that_goes_in_the_middle_of_a_frame_has_left() {
    both(|demo| {
        let mut ann = Member::join(demo, "name=ann");
        let mut half = Member::join(demo, "name=half");
        ann.next("joined");
        half.wire.send(&frame(TEXT, "never whole")[..9]);
        drop(half);
        assert_eq!(ann.next("left")["name"], "half");
    });
}
