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
fn long_polling_with_a_hundred_places() {
    let answer = start("longpoll/limit");
    let mut waiting: Vec<Wire> = (0..100).map(|_| answer.get("/wait?after=0&hold=30")).collect();
    assert!(waiting.iter_mut().all(|wire| wire.is_silent_for(Duration::from_millis(5))));
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
    assert_eq!(waiting[0].status(), 200);
}

#[test]
fn long_polling_that_obeys_prefer_wait() {
    let answer = start("longpoll/prefer");
    let ask = |prefer: &str| {
        let mut wire = answer.connect();
        wire.get_with("/wait?after=0", &[("Prefer", prefer)]);
        wire
    };
    let (head, news) = ask("respond-async, wait=0").answer();
    assert_eq!(head.field("Preference-Applied"), Some("wait=0"));
    assert_eq!(Message::list(&news), [], "nothing was said within the time");
    let mut waiting = ask("wait=30");
    assert!(waiting.is_silent_for(A_WHILE));
    let mut too_long = ask("wait=3600");
    assert!(too_long.is_silent_for(A_WHILE));
    let said = answer.say("hello");
    assert_eq!(Message::list(&waiting.answer().1), [said]);
    assert_eq!(too_long.head().field("Preference-Applied"), None, "an hour was not granted");
}
