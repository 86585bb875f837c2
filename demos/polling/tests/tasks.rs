//! The tasks of short polling, and what an answer must do.

use tests::task::{Candidate, Finding, Task};
use tests::{Message, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 20, "short", the_head_of_an_answer_is_short),
    Task::server(2, 20, "etag", what_did_not_change_is_not_sent_again),
];

fn the_head_of_an_answer_is_short(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let said = server.say("hello");
    let size = server.get("/messages?after=0").any_head_as_sent().len();
    must!(
        size < 100,
        "The head of an answer to GET /messages has {size} bytes. With only the fields that the page needs it has \
         less than 100."
    );
    let (_, news) = server.get("/messages?after=0").answer();
    let found = Message::list(&news).contains(&said);
    must!(found, "The page no longer finds its messages: the answer is {news:?}.");
    Ok(())
}

fn what_did_not_change_is_not_sent_again(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let ask = |tag: &str| {
        let mut wire = server.connect();
        let tag = [("If-None-Match", tag)];
        wire.get_with("/messages?after=0", if tag[0].1.is_empty() { &[] } else { &tag });
        wire.any_head()
    };
    let first = ask("");
    let Some(tag) = first.field("ETag") else {
        return Err("The answer to GET /messages has no ETag.".to_string());
    };
    let status = ask(tag).status;
    must!(
        status == 304,
        "If-None-Match says {tag}, and nothing was said since: the answer should be 304; it is {status}."
    );
    server.say("hello");
    let changed = ask(tag);
    let status = changed.status;
    must!(status == 200, "A message was said: the answer should be 200 again; it is {status}.");
    must!(changed.field("ETag") != Some(tag), "A message was said, and the ETag is still {tag}.");
    Ok(())
}
