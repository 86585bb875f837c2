//! The answers to the tasks of deflate do what the chapter says.

use tests::{Message, start};

#[test]
fn the_answer_holds_the_newest_message_only() {
    let answer = start("deflate/newest");
    answer.say("old");
    let newest = answer.say("new");
    let (_, news) = answer.get("/messages?after=0").answer();
    assert_eq!(Message::list(&news), [newest]);
}
