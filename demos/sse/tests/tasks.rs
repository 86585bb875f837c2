//! The tasks of Server-Sent Events, and what an answer must do.

use std::collections::BTreeSet;

use tests::must;
use tests::task::{Candidate, Finding, SOON, Task};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "apart", each_stream_has_a_retry_of_its_own),
    Task::server(2, 20, "recent", only_the_newest_twenty_are_replayed),
];

fn each_stream_has_a_retry_of_its_own(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut times = BTreeSet::new();
    for _ in 0..8 {
        let mut wire = server.get("/events");
        wire.head();
        let retry = loop {
            match wire.try_block(SOON) {
                Some(block) if block.retry.is_some() => break block.retry.unwrap_or_default(),
                Some(_) => {}
                None => {
                    return Err("A stream should begin with a line retry: and a time.".to_string());
                }
            }
        };
        must!(
            (1_000..=3_000).contains(&retry),
            "A retry should lie between 1000 and 3000 ms; this one is {retry}."
        );
        times.insert(retry);
    }
    let retry = times.first().copied().unwrap_or_default();
    must!(
        times.len() > 1,
        "Eight streams got the same time, retry: {retry}. They will all come back at once."
    );
    Ok(())
}

fn only_the_newest_twenty_are_replayed(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    server.say_all(&(1..=24).map(|number| number.to_string()).collect::<Vec<_>>());
    let newest = server.say("25").id;
    let mut wire = server.get("/events");
    wire.head();
    let mut event = || loop {
        match wire.try_block(SOON) {
            Some(block) if block.data.is_some() && ["", "gap"].contains(&block.name.as_str()) => {
                return Some(block);
            }
            Some(_) => {}
            None => return None,
        }
    };
    let Some(gap) = event() else { return Err("Nothing was replayed.".to_string()) };
    let data = gap.data.unwrap_or_default();
    must!(
        gap.name == "gap",
        "{newest} messages were said. First of all a gap event should tell how many are left out; \
         but first came the message {data:?}."
    );
    let missed = newest - 20;
    must!(
        data.contains(&format!("\"missed\":{missed}")),
        "The gap event should say {{\"missed\":{missed}}}; its data is {data}."
    );
    let id = gap.id.unwrap_or("missing".to_string());
    must!(
        id.ends_with(&format!("-{missed}")) || id == missed.to_string(),
        "The gap event should move the cursor behind what is left out, to {missed}; its id is {id}."
    );
    let first = event().and_then(|event| event.data).unwrap_or_default();
    must!(
        first == "6",
        "After the gap the newest twenty should come, the message 6 first; this came: {first:?}."
    );
    Ok(())
}
