//! The tasks of multipart streaming, and what an answer must do.

use tests::task::{Candidate, Finding, SOON, Task};
use tests::{Wire, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "boundary", the_boundary_is_short_and_drawn_anew),
    Task::server(2, 20, "boundary", a_message_that_begins_with_a_hash_is_html),
];

/// The boundary that an answer names in its head.
fn boundary(wire: &mut Wire) -> Result<String, String> {
    let head = wire.head();
    let kind = head.field("Content-Type").unwrap_or("missing");
    let boundary =
        kind.split_once("boundary=").map(|(_, boundary)| boundary.trim_matches('"').to_string());
    boundary
        .ok_or_else(|| format!("The Content-Type of the answer names no boundary; it is {kind}."))
}

fn the_boundary_is_short_and_drawn_anew(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let (mut one, mut other) = (server.get("/parts?after=0"), server.get("/parts?after=0"));
    let (first, second) = (boundary(&mut one)?, boundary(&mut other)?);
    let length = first.len();
    must!(length <= 16, "The boundary has {length} characters. Sixteen or fewer are enough.");
    must!(
        length >= 8,
        "The boundary has {length} characters. Somebody may guess it: eight are the least."
    );
    must!(
        first != second,
        "Two answers have the same boundary, {first}. Draw it anew for each answer."
    );
    let start = one.try_chunk(SOON).unwrap_or_default();
    let start = String::from_utf8_lossy(&start);
    must!(
        start.starts_with(&format!("--{first}")),
        "The answer should begin with --{first}; it begins with {start:?}."
    );
    Ok(())
}

fn a_message_that_begins_with_a_hash_is_html(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let last = server.say("before").id;
    server.say_all(&["#<b>hi</b>", "<i>ho</i>"]);
    let mut wire = server.get(&format!("/parts?after={last}"));
    wire.head();
    let mut parts = String::new();
    while !parts.contains("<i>ho</i>") {
        let Some(chunk) = wire.try_chunk(SOON) else {
            return Err(
                "Two messages were said, and the answer does not have them both.".to_string()
            );
        };
        parts += &String::from_utf8_lossy(&chunk);
    }
    let kind = |text: &str| {
        let head = parts.split_once(text).map_or("", |(before, _)| before);
        let line =
            head.lines().rev().find(|line| line.to_ascii_lowercase().starts_with("content-type:"));
        line.and_then(|line| line.split([':', ';']).nth(1)).unwrap_or("missing").trim().to_string()
    };
    let (html, plain) = (kind("#<b>hi"), kind("<i>ho"));
    must!(
        html == "text/html",
        "The part of the message #<b>hi</b> should be text/html; its Content-Type is {html}."
    );
    must!(
        plain == "text/plain",
        "A message without a # stays text/plain; the Content-Type of its part is {plain}."
    );
    Ok(())
}
