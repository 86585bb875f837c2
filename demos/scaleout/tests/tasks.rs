//! The tasks of the chapter on scaling out, and what an answer must do.

use tests::must;
use tests::task::{Candidate, Finding, Task};
use tests::{Server, Wire};

#[path = "machines.rs"]
mod machines;

use machines::{Control, start_with_redis};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "health", the_balancer_says_whether_a_server_is_there),
    Task::server(2, 20, "least", a_request_goes_to_the_server_with_the_fewest_connections),
    Task::program(3, 60, "tail", a_program_prints_each_message_once_while_servers_are_killed),
];

fn the_balancer_says_whether_a_server_is_there(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let control = Control::of(&server);
    let health = || server.get("/health").any_head().status;
    let found = health();
    must!(found == 200, "With two servers, GET /health should get 200; it got {found}.");
    ["a", "b"].iter().for_each(|name| control.order("stop", name));
    let found = health();
    must!(found == 503, "With both servers killed, GET /health should get 503; it got {found}.");
    Ok(())
}

/// Opens streams, each under another name.
fn streams(server: &Server, names: std::ops::Range<usize>) -> Vec<Wire> {
    names
        .map(|name| {
            let mut wire = server.get(&format!("/sse/events?tab=k{name}"));
            assert_eq!(wire.status(), 200);
            wire
        })
        .collect()
}

/// The names of the listeners on this server.
fn listeners(control: &Control, server: &str) -> Vec<String> {
    let tabs = control.server(server)["tabs"].clone();
    tabs.as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some(one["tab"].as_str()?.to_string()))
        .collect()
}

fn a_request_goes_to_the_server_with_the_fewest_connections(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let control = Control::of(&server);
    let mut open = streams(&server, 0..8);
    let of_a = listeners(&control, "a");
    must!(
        of_a.len() == 4,
        "Of eight listeners, each server should have four; server a has {}.",
        of_a.len()
    );
    for name in of_a {
        let number: usize = name[1..].parse().expect("a number");
        open[number] = server.connect(); // the one before is closed
    }
    control.until("server a has no listener", |_| listeners(&control, "a").is_empty());
    let _more = streams(&server, 8..12);
    let of_a = listeners(&control, "a").len();
    must!(
        of_a == 4,
        "When all four listeners of server a have gone, the next four should go there; {of_a} of them did."
    );
    Ok(())
}

fn a_program_prints_each_message_once_while_servers_are_killed(candidate: &Candidate) -> Finding {
    let Some((server, control)) = start_with_redis(&[]) else { return Ok(()) };
    let program = candidate.run(&[server.url()])?;
    let say = |text: &str| {
        let mut wire = server.connect();
        wire.post("/sse/say", &[("Idempotency-Key", text)], text);
        assert_eq!(wire.status(), 201);
    };
    let mut expected = Vec::new();
    for (name, n) in [("a", 0), ("b", 4), ("a", 8)] {
        for text in (n..n + 4).map(|n| format!("message {n}")) {
            say(&text);
            must!(program.says(&text).is_some(), "The program should print {text:?}; it did not.");
            expected.push(text);
        }
        control.order("stop", name);
        say("meanwhile");
        expected.push("meanwhile".to_string());
        control.start(name);
        say("and now");
        expected.push("and now".to_string());
    }
    say("bye");
    expected.push("bye".to_string());
    let printed = program.runs_to_its_end()?;
    let lines: Vec<&str> =
        printed.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    // "meanwhile" and "and now" are each one message: their keys are the same each time.
    expected.retain({
        let mut seen = std::collections::BTreeSet::new();
        move |text| seen.insert(text.clone())
    });
    must!(
        lines == expected,
        "The program should print {expected:?}, each once; it printed {lines:?}."
    );
    Ok(())
}
