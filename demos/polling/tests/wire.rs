//! Short polling's promises, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- polling::`

use std::time::{Duration, Instant};

use tests::{A_WHILE, Message, needs_our_server, start, start_with};

#[test]
fn without_news_the_answer_comes_at_once_and_is_an_empty_list() {
    let demo = start("polling");
    let last = demo.say("before").id;
    let (head, news) = demo.get(&format!("/messages?after={last}")).answer();
    assert_eq!(head.status, 200);
    assert_eq!(Message::list(&news), [], "nobody has spoken since: there is nothing to tell");
}

#[test]
fn what_was_said_since_the_last_question_is_in_the_answer_in_order() {
    let demo = start("polling");
    let last = demo.say("before").id;
    let said: Vec<_> = ["one", "two", "three"].iter().map(|text| demo.say(text)).collect();
    let (_, news) = demo.get(&format!("/messages?after={last}")).answer();
    assert_eq!(
        Message::list(&news),
        said,
        "the answer should hold what was said after the cursor, oldest first"
    );
}

#[test]
fn asking_again_hears_again() {
    let demo = start("polling");
    let last = demo.say("before").id;
    let said = demo.say("for everyone");
    let mut wire = demo.connect();
    for _ in 0..3 {
        wire.get(&format!("/messages?after={last}"));
        assert_eq!(
            Message::list(&wire.answer().1),
            [said.clone()],
            "an answer must not take the message out of the room"
        );
    }
}

#[test]
fn a_message_arrives_as_it_was_typed() {
    let demo = start("polling");
    for text in [
        "<b>bold</b>",
        "🙂 e\u{301} 中文",
        "\"quoted\" \\ back",
        "line\nline",
        "  spaces  ",
        "</script>",
    ] {
        let said = demo.say(text);
        let (_, news) = demo.get(&format!("/messages?after={}", said.id - 1)).answer();
        assert_eq!(
            Message::list(&news)[0].text,
            text,
            "a message is text, and no byte of it may change on the way"
        );
    }
}

#[test]
fn a_slow_answer_is_overtaken_by_a_quick_one_that_was_asked_for_later() {
    needs_our_server!("the artificial slow answer, slow=MS");
    let demo = start("polling");
    let last = demo.say("before").id;
    let mut slow = demo.get(&format!("/messages?after={last}&slow=5000"));
    assert!(slow.is_silent_for(A_WHILE), "slow=5000 asks for an answer 5 s late");
    let said = demo.say("meanwhile");
    let (_, quick) = demo.get(&format!("/messages?after={last}")).answer();
    assert_eq!(Message::list(&quick), [said], "the quick answer holds the message");
    assert_eq!(slow.unread(), b"", "and the slow one is still on its way");
    let (_, late) = slow.answer();
    assert_eq!(
        Message::list(&late),
        [],
        "the slow answer tells what was so when it was asked for: nothing"
    );
}

#[test]
fn an_empty_message_is_refused_in_words() {
    let demo = start("polling");
    for empty in ["", " ", "\n\t "] {
        let (head, why) = demo.post("/say", empty).answer();
        assert_eq!(head.status, 400, "an empty message says nothing");
        assert!(
            why.trim().ends_with('.') && why.contains("empty"),
            "the page shows this sentence to a person: {why:?}"
        );
    }
}

#[test]
fn an_over_long_message_is_refused_in_words_and_the_longest_is_taken() {
    needs_our_server!("our room's limit of 1,000 characters");
    let demo = start("polling");
    assert_eq!(
        demo.say(&"é".repeat(1_000)).text.chars().count(),
        1_000,
        "the limit counts characters, not bytes"
    );
    let (head, why) = demo.post("/say", &"é".repeat(1_001)).answer();
    assert_eq!(head.status, 413);
    assert!(
        why.contains("1001 characters") && why.contains("1000"),
        "how long it is, and how long it may be: {why:?}"
    );
}

#[test]
fn a_message_that_is_not_utf_8_is_refused() {
    let demo = start("polling");
    let mut wire = demo.connect();
    let head = format!("POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 3\r\n\r\n", demo.host());
    wire.send([head.as_bytes(), b"\xc3\x28\xff"].concat());
    assert_eq!(wire.status(), 400);
    demo.lives_on();
}

#[test]
fn an_answer_may_not_be_kept_by_a_cache() {
    let demo = start("polling");
    let (head, _) = demo.get("/messages?after=0").answer();
    assert_eq!(
        head.field("Cache-Control"),
        Some("no-store"),
        "yesterday's news from a cache are worse than none"
    );
}

#[test]
fn a_gap_is_told() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("polling", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let (_, news) = demo.get("/messages?after=4").answer();
    assert!(news.contains("\"missed\":3"), "5, 6 and 7 are gone; the answer should say so: {news}");
}

#[test]
fn a_client_that_does_not_read_its_answers_stops_nobody_else() {
    needs_our_server!("its word that it does not fall over");
    let demo = start("polling");
    for _ in 0..200 {
        demo.say(&"🙂".repeat(1_000));
    }
    // Each answer has 800 KB, and nobody reads them: soon neither socket takes any more.
    let mut greedy = demo.connect();
    for _ in 0..40 {
        greedy.get("/messages?after=0");
    }
    assert!(greedy.any_byte(), "the first answer comes");
    let asked = Instant::now();
    demo.lives_on();
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "one client that reads slowly held up another one"
    );
}

#[test]
fn a_client_that_stops_in_the_middle_of_its_message_stops_nobody_else() {
    needs_our_server!("its word that it does not fall over");
    let demo = start("polling");
    let mut slow = demo.connect();
    slow.send(format!(
        "POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 5000\r\n\r\nI was going to s",
        demo.host()
    ));
    assert!(
        slow.is_silent_for(A_WHILE),
        "the message is not complete: there is nothing to answer yet"
    );
    let asked = Instant::now();
    demo.lives_on();
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "one client that speaks slowly held up another one"
    );
}

#[test]
fn a_cursor_of_another_life_is_noticed_whatever_its_number() {
    let demo = start("polling");
    let said = demo.say("first words of a new life");
    for other_life in [format!("{}", said.id + 50), format!("1-{}", said.id), "1-0".to_string()] {
        let (_, news) = demo.get(&format!("/messages?after={other_life}")).answer();
        assert!(news.contains("\"restarted\":true"), "{other_life} is not from this life: {news}");
        assert!(Message::list(&news).contains(&said), "all that there is should follow: {news}");
    }
}
