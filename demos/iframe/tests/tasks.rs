//! The tasks of the forever iframe, and what an answer must do.

use tests::must;
use tests::task::{Candidate, Finding, SOON, Task};

pub const TASKS: &[Task] = &[
    Task::server(1, 20, "few", messages_that_came_together_share_a_script),
    Task::server(2, 20, "few", a_document_ends_by_its_size),
];

fn messages_that_came_together_share_a_script(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let last = server.say("before").id;
    server.say_all(&["x"; 10]);
    let mut wire = server.get(&format!("/frame?after={last}"));
    wire.head();
    let mut document = String::new();
    while document.matches(".hear(").count() < 10 {
        let Some(chunk) = wire.try_chunk(SOON) else {
            let heard = document.matches(".hear(").count();
            return Err(format!(
                "Ten messages were said, and the document calls hear {heard} times."
            ));
        };
        document += &String::from_utf8_lossy(&chunk);
    }
    let scripts = document.matches("<script>").count();
    must!(
        scripts <= 2,
        "Ten messages lay ready and came in {scripts} scripts. One script can carry all of them."
    );
    Ok(())
}

fn a_document_ends_by_its_size(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let last = server.say("before").id;
    server.say_all(&vec!["x".to_string(); 60]);
    let mut wire = server.get(&format!("/frame?after={last}"));
    wire.head();
    let mut document = String::new();
    while document.matches(".hear(").count() < 60 {
        let Some(chunk) = wire.try_chunk(SOON) else {
            let heard = document.matches(".hear(").count();
            return Err(format!(
                "Sixty short messages are no 64 KiB, and the document should go on; it ended after {heard} of them."
            ));
        };
        document += &String::from_utf8_lossy(&chunk);
    }
    server.say_all(&vec!["x".repeat(1_000); 80]);
    let mut size = document.len();
    loop {
        let Some(chunk) = wire.try_chunk(SOON) else {
            return Err(format!(
                "A document that has had {size} bytes should call over() and end with a last chunk."
            ));
        };
        size += chunk.len();
        if String::from_utf8_lossy(&chunk).contains(".over(") {
            break;
        }
    }
    must!(
        size > 64 * 1024,
        "The document should end when it has had 64 KiB of scripts; it had {size} bytes."
    );
    let (rest, ended) = wire.body_within(SOON);
    must!(ended && rest.is_empty(), "After over() the answer should end.");
    Ok(())
}
