//! The answers to the tasks of long polling do what the chapter says.

use std::time::Duration;

use tests::{A_WHILE, Message, Wire, start};

#[test]
fn long_polling_that_gathers() {
    let answer = start("longpoll/gather");
    let mut waiting = answer.get("/wait?after=0");
    assert!(waiting.is_silent_for(A_WHILE));
    let mut sayers: Vec<Wire> = (0..3).map(|_| answer.get("/")).collect(); // connections that are open already
    sayers.iter_mut().for_each(|wire| drop(wire.answer()));
    for (wire, text) in sayers.iter_mut().zip(["one", "two", "three"]) {
        wire.post("/say", &[], text); // nobody waits for the answers in between
    }
    let (_, news) = waiting.answer();
    assert!(Message::list(&news).len() > 1, "a burst comes in one answer: {news}");
}

#[test]
fn long_polling_with_a_hundred_seats() {
    let answer = start("longpoll/limit");
    let mut seated: Vec<Wire> = (0..100).map(|_| answer.get("/wait?after=0&hold=30")).collect();
    assert!(seated.iter_mut().all(|wire| wire.is_silent_for(Duration::from_millis(5))));
    let head = loop {
        // The last of the hundred may still be on their way in.
        let mut one_more = answer.get("/wait?after=0&hold=0");
        let head = one_more.head();
        if head.status == 503 {
            break head;
        }
    };
    assert_eq!(head.field("Retry-After"), Some("1"));
    answer.say("now all of you can go");
    assert_eq!(seated[0].status(), 200);
}

/// Says something, hears it, and ends; starts again and says three things more. Returns what the old cursor then gets.
fn after_another_life(name: &str) -> String {
    let mut demo = start(name);
    demo.say("old");
    let (_, heard) = demo.get("/wait?after=0").answer();
    let cursor = Message::list(&heard).last().expect("one message").id;
    demo.kill();
    let demo = start(name);
    for text in ["new 1", "new 2", "new 3"] {
        demo.say(text);
    }
    demo.get(&format!("/wait?after={cursor}")).answer().1
}

#[test]
fn long_polling_with_a_life_in_its_cursor_loses_nothing_over_a_restart() {
    let texts = |news: &str| Message::list(news).into_iter().map(|message| message.text).collect::<Vec<_>>();
    // What the chapter says of the demo: a cursor that is not above the newest number looks like one of this life.
    let news = after_another_life("longpoll");
    assert_eq!(texts(&news), ["new 2", "new 3"], "{news}");
    assert!(!news.contains("restarted"), "{news}");
    let news = after_another_life("longpoll/life");
    assert_eq!(texts(&news), ["new 1", "new 2", "new 3"], "{news}");
    assert!(news.contains("\"restarted\":true"), "{news}");
    // Within one life it holds and answers like the demo.
    let answer = start("longpoll/life");
    answer.say("one");
    let (_, news) = answer.get("/wait?after=0").answer();
    let cursor = Message::list(&news)[0].id;
    assert_eq!(answer.get(&format!("/wait?after={cursor}&hold=0")).status(), 204);
    let mut waiting = answer.get(&format!("/wait?after={cursor}"));
    assert!(waiting.is_silent_for(A_WHILE));
    answer.say("two");
    assert_eq!(texts(&waiting.answer().1), ["two"]);
}
