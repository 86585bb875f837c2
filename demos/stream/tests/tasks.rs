//! The tasks of fetch streaming, and what an answer must do.

use tests::task::{Candidate, Finding, SOON, Task};
use tests::{Server, Wire, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 20, "filter", only_messages_with_the_word_come),
    Task::server(2, 20, "filter", the_stream_ends_after_its_number_of_messages),
];

/// A stream with these wishes, behind which four messages were said.
fn fruit(server: &Server, wishes: &str) -> Wire {
    let last = server.say("before").id;
    server.say_all(&["one apple", "two pears", "three apples", "four apples"]);
    let mut wire = server.get(&format!("/stream?after={last}{wishes}"));
    wire.head();
    wire
}

fn only_messages_with_the_word_come(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = fruit(&server, "&word=apple");
    let mut lines = String::new();
    while !lines.contains("four apples") {
        let Some(chunk) = wire.try_chunk(SOON) else {
            return Err("With word=apple the message \"four apples\" should come.".to_string());
        };
        lines += &String::from_utf8_lossy(&chunk);
    }
    must!(
        !lines.contains("two pears"),
        "With word=apple the message \"two pears\" should not come."
    );
    let all = lines.contains("one apple") && lines.contains("three apples");
    must!(all, "With word=apple all three messages with apples should come; these came: {lines}.");
    Ok(())
}

fn the_stream_ends_after_its_number_of_messages(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let (body, ended) = fruit(&server, "&most=2").body_within(SOON);
    let lines = String::from_utf8_lossy(&body);
    must!(!lines.contains("three apples"), "With most=2 a third message came.");
    must!(lines.contains("two pears"), "With most=2 two messages should come; this came: {lines}.");
    must!(ended, "After two messages the answer should end with the last chunk, a zero.");
    Ok(())
}
