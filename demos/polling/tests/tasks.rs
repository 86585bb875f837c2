//! The answers to the tasks of short polling do what the chapter says.

use tests::{Message, Server, start};

/// The size of the answer to a request, head and all.
fn size_of_answer(demo: &Server, path: &str) -> usize {
    let mut wire = demo.connect();
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"));
    wire.rest().len()
}

#[test]
fn short_polling_with_a_short_head() {
    let (demo, answer) = (start("polling"), start("polling/short"));
    let (long, short) =
        (size_of_answer(&demo, "/messages?after=0"), size_of_answer(&answer, "/messages?after=0"));
    assert!(short < 100 && long > 2 * short, "{long} bytes became {short}");
    answer.say("hello");
    let (_, news) = answer.get("/messages?after=0").answer();
    assert_eq!(Message::list(&news).len(), 1, "the page still finds its messages: {news}");
}

#[test]
fn short_polling_with_304() {
    let answer = start("polling/etag");
    let ask = |tag: &str| {
        let mut wire = answer.connect();
        wire.get_with("/messages?after=0", &[("If-None-Match", tag)]);
        wire.any_head()
    };
    let head = ask("");
    assert_eq!(head.status, 200);
    let tag = head.field("ETag").expect("a tag").to_string();
    assert_eq!(ask(&tag).status, 304, "nothing was said since");
    answer.say("hello");
    let head = ask(&tag);
    assert_eq!(head.status, 200);
    assert_ne!(head.field("ETag"), Some(tag.as_str()));
    let demo = start("polling");
    let mut wire = demo.connect();
    wire.get_with("/messages?after=0", &[("If-None-Match", &tag)]);
    assert_eq!(wire.status(), 200, "the demo itself knows no tags");
}
