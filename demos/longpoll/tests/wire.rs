//! Long polling's promises, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- longpoll::`

use std::time::{Duration, Instant};

use tests::proxies::{Config, Program};
use tests::{A_WHILE, Message, needs_our_server, start, start_with};

#[test]
fn the_request_stays_open_until_somebody_writes() {
    let demo = start("longpoll");
    let last = demo.say("before").id;
    let mut waiting = demo.get(&format!("/wait?after={last}"));
    assert!(
        waiting.is_silent_for(A_WHILE),
        "the answer came before anyone wrote: is /wait really waiting?"
    );
    demo.say("hello");
    let (head, news) = waiting.answer();
    assert_eq!(head.status, 200);
    let texts: Vec<_> = Message::list(&news).into_iter().map(|message| message.text).collect();
    assert_eq!(
        texts,
        ["hello"],
        "the answer should hold what was said after the cursor, and nothing else"
    );
}

#[test]
fn what_was_said_between_two_requests_is_in_the_next_answer() {
    let demo = start("longpoll");
    let last = demo.say("before").id;
    let said: Vec<_> = (0..20).map(|_| demo.say("nobody waits now")).collect();
    let asked = Instant::now();
    let (_, news) = demo.get(&format!("/wait?after={last}")).answer();
    assert_eq!(
        Message::list(&news),
        said,
        "what was said while nobody waited is lost: is the cursor read?"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "there was news: the answer should not have waited"
    );
}

#[test]
fn everyone_who_waits_hears_the_same_message() {
    let demo = start("longpoll");
    let last = demo.say("before").id;
    let mut waiting: Vec<_> = (0..10).map(|_| demo.get(&format!("/wait?after={last}"))).collect();
    for one in &mut waiting {
        assert!(one.is_silent_for(Duration::from_millis(5)), "the answer came before anyone wrote");
    }
    let said = demo.say("to all of you");
    for one in &mut waiting {
        let (_, news) = one.answer();
        assert_eq!(
            Message::list(&news),
            [said.clone()],
            "a message is for everyone, not for the first who asks"
        );
    }
}

#[test]
fn after_the_hold_time_the_answer_is_an_empty_list() {
    let demo = start("longpoll");
    let last = demo.say("before").id;
    let asked = Instant::now();
    let (head, body) = demo.get(&format!("/wait?after={last}&hold=0.3")).answer();
    assert_eq!(head.status, 200);
    assert_eq!(Message::list(&body), [], "with no news the list is empty");
    let held = asked.elapsed();
    assert!(
        held >= Duration::from_millis(300),
        "asked to hold for 0.3 s, the server answered after {held:?}"
    );
}

#[test]
fn while_it_waits_the_server_makes_sure_that_the_client_is_there() {
    needs_our_server!("our way of making sure: a space in front of the JSON now and then");
    let demo = start("longpoll");
    let mut waiting = demo.get("/wait?after=0&hold=30&beat=0.1");
    assert_eq!(waiting.status(), 200, "the answer begins");
    for _ in 0..3 {
        assert_eq!(waiting.chunk(), b" ");
    }
    let said = demo.say("now");
    assert_eq!(
        Message::list(&waiting.text()),
        [said],
        "white space in front of JSON changes nothing"
    );
    waiting.get("/wait?after=0"); // the answer ended in order: the connection carries the next question
    assert_eq!(Message::list(&waiting.answer().1).len(), 1);
}

#[test]
fn an_old_client_gets_the_same_answer_without_chunks() {
    needs_our_server!("our way of making sure: a space in front of the JSON now and then");
    let demo = start("longpoll");
    let head =
        format!("GET /wait?after=0&hold=3&beat=0.1 HTTP/1.0\r\nHost: {}\r\n\r\n", demo.host());
    let mut waiting = demo.send(head);
    let (head, body) = waiting.answer();
    assert_eq!(head.field("Transfer-Encoding"), None, "HTTP/1.0 knows no chunks");
    assert!(body.starts_with("  "), "{body:?}");
    assert_eq!(Message::list(&body), []);
}

#[test]
fn a_client_that_leaves_sets_its_thread_free() {
    needs_our_server!("GET /waiting, the count of held requests");
    let demo = start("longpoll");
    let waiting: Vec<_> = (0..5).map(|_| demo.get("/wait?after=0&hold=60&beat=0.5")).collect();
    until_waiting(&demo, 5);
    let mut waiting = waiting.into_iter();
    waiting.by_ref().take(2).for_each(drop); // these close as a browser does
    waiting.by_ref().take(2).for_each(tests::Wire::reset); // these are torn off
    until_waiting(&demo, 1);
}

/// Asks over one connection until so many requests are held. A connection that was closed in order takes a while to be
/// noticed: the server has to write to it, and once more after it was told that nobody is there.
fn until_waiting(demo: &tests::Server, count: usize) {
    let mut wire = demo.connect();
    let deadline = Instant::now() + tests::DEADLINE;
    loop {
        wire.get("/waiting");
        let held = wire.answer().1;
        if held.trim() == count.to_string() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{count} requests should be held by now; the server holds {held}"
        );
        assert!(wire.is_silent_for(Duration::from_millis(20)), "one question has one answer");
    }
}

#[test]
fn a_connection_carries_one_poll_after_the_other() {
    let demo = start("longpoll");
    let mut last = demo.say("before").id;
    let mut wire = demo.connect();
    for text in ["one", "two", "three"] {
        wire.get(&format!("/wait?after={last}"));
        let said = demo.say(text);
        assert_eq!(Message::list(&wire.answer().1), [said.clone()]);
        last = said.id;
    }
}

#[test]
fn a_cursor_that_is_too_old_is_told_how_much_it_missed() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("longpoll", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let (_, news) = demo.get("/wait?after=4").answer();
    assert!(news.contains("\"missed\":3"), "5, 6 and 7 are gone; the answer should say so: {news}");
    let ids: Vec<_> = Message::list(&news).iter().map(|message| message.id).collect();
    assert_eq!(ids, [8, 9, 10]);
}

#[test]
fn a_cursor_from_before_a_restart_starts_again() {
    let demo = start("longpoll");
    let last = demo.say("first words of a new life").id;
    for other_life in [format!("{}", last + 50), format!("1-{last}")] {
        let (_, news) = demo.get(&format!("/wait?after={other_life}")).answer();
        assert!(news.contains("\"restarted\":true"), "{other_life} is not from this life: {news}");
        assert!(
            news.contains("first words of a new life"),
            "all that there is should follow: {news}"
        );
    }
}

#[test]
fn a_message_said_twice_under_one_key_is_one_message() {
    let demo = start("longpoll");
    let mut wire = demo.connect();
    let mut answers = Vec::new();
    for _ in 0..2 {
        wire.post("/say", &[("Idempotency-Key", "a key of this test's own")], "once");
        answers.push(Message::read(&wire.answer().1));
    }
    assert_eq!(answers[0], answers[1], "the second is the same message told again");
    assert_eq!(demo.say("next").id, answers[0].id + 1);
}

// ---- Behind a proxy ----

/// Walks "A proxy." in longpoll.md.
#[test]
fn through_nginx_the_message_arrives_and_a_client_that_leaves_sets_its_thread_free() {
    needs_our_server!("GET /waiting, the count of held requests");
    if !Program::Nginx.is_here() {
        return;
    }
    for http_version in ["1.0", "1.1"] {
        let demo = start("longpoll");
        // With a connection to the demo that is used again, which is where an answer of two heads goes wrong.
        let config = Config::cured(Program::Nginx, "kept").with("VERSION", http_version);
        let nginx = config.start(&[demo.host()]);
        let mut client = nginx.connect();
        client.get("/wait?after=0&hold=30&beat=0.2");
        let head = client.head();
        assert_eq!((head.status, head.field("Content-Type")), (200, Some("application/json")));
        let signs = client.chunk(); // nginx makes one chunk of those that it reads together
        assert!(
            signs.iter().all(|byte| *byte == b' '),
            "nginx passes the sign of life on: {signs:?}"
        );
        let said = demo.say("through nginx");
        assert_eq!(Message::list(&client.text()), [said], "HTTP/{http_version} to the demo");
        client.get("/wait?after=0");
        assert_eq!(
            Message::list(&client.answer().1).len(),
            1,
            "and the next question has its own answer"
        );

        client.get("/wait?after=1&hold=60&beat=1");
        until_waiting(&demo, 1);
        let left = Instant::now();
        drop(client);
        until_waiting(&demo, 0);
        let freed = left.elapsed();
        println!(
            "HTTP/{http_version}: the thread was free {freed:.1?} after the client had left; beats come every 1 s"
        );
        assert!(freed < Duration::from_secs(30), "two beats should be enough: {freed:?}");
    }
}
