//! What socketio promises on the wire, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- socketio::`

use tests::{Message, start};

#[test]
fn what_was_said_after_the_cursor_is_in_the_answer() {
    let demo = start("socketio");
    let before = demo.say("before").id;
    let said = demo.say("hello");
    let (head, news) = demo.get(&format!("/messages?after={before}")).answer();
    assert_eq!(head.status, 200);
    assert_eq!(Message::list(&news), [said]);
}
