//! The tasks of HTTP/2, and what an answer must do.

use tests::http2::{HEADERS, RST_STREAM, SETTINGS};
use tests::task::{Candidate, Finding, Task};
use tests::{must, start_with};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "streams_few", ten_streams_and_no_more),
    Task::server(2, 20, "hints", the_page_is_announced_by_a_103),
    Task::program(3, 60, "fifty", fifty_streams_of_one_connection_answer),
];

fn ten_streams_and_no_more(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut client = server.http2();
    let settings = client.until(SETTINGS, 0);
    let said = settings.payload.chunks_exact(6).find(|one| one[..2] == [0, 3]);
    let said = said.map_or(0, |one| u32::from_be_bytes([one[2], one[3], one[4], one[5]]));
    must!(said == 10, "SETTINGS should say MAX_CONCURRENT_STREAMS 10; they say {said}.");
    for number in 0..11 {
        client.get(2 * number + 1, "/events");
    }
    client.frame(tests::http2::PING, 0, 0, b"eleventh");
    let is_answer = |kind| kind == RST_STREAM || kind == tests::http2::PING;
    let answer = client.find(|frame| is_answer(frame.kind));
    must!(
        answer.kind == RST_STREAM && answer.number(0) == 7,
        "The eleventh stream should be answered with RST_STREAM and REFUSED_STREAM; it was not."
    );
    Ok(())
}

fn the_page_is_announced_by_a_103(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut client = server.http2();
    client.get(1, "/");
    let first = client.until(HEADERS, 1);
    let status = first.field(":status").unwrap_or("no status");
    must!(status == "103", "GET / should get the status 103 first of all; it got {status}.");
    let link = first.field("link").unwrap_or("");
    must!(
        link.contains("style.css") && link.contains("rel=preload"),
        "The 103 should have a link to the page's style.css, with rel=preload; its link is {link:?}."
    );
    let (head, page) = client.answer(1);
    let status = head.field(":status").unwrap_or("no status");
    must!(status == "200" && !page.is_empty(), "The page should follow with 200; {status} came.");
    Ok(())
}

fn fifty_streams_of_one_connection_answer(candidate: &Candidate) -> Finding {
    let demo = start_with("http2", &[]);
    let said = candidate.run(&[&demo.h2c()])?.runs_to_its_end()?;
    must!(
        said.contains("50 streams"),
        "The program should print \"50 streams\" when each has told something; it printed: {said:?}."
    );
    let opened = demo.bench().counters()["opened"].as_u64().unwrap_or(0);
    must!(opened == 1, "It should open one connection; it opened {opened}.");
    Ok(())
}
