//! The tasks of socketio, and what an answer must do.

use tests::task::{Candidate, Finding, Task};
use tests::{Message, must};

pub const TASKS: &[Task] = &[Task::server(1, 5, "newest", the_newest_message_comes_alone)];

fn the_newest_message_comes_alone(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    server.say("old");
    let newest = server.say("new");
    let (_, news) = server.get("/messages?after=0").answer();
    let count = Message::list(&news).len();
    must!(count == 1, "The answer should hold the newest message only; it holds {count}.");
    must!(
        Message::list(&news) == [newest],
        "The answer should hold the newest message; it holds {news}."
    );
    Ok(())
}
