//! The tasks of the event loop, and what an answer must do.

use std::time::Duration;

use tests::task::{Candidate, Finding, Task};
use tests::websocket::PING;
use tests::{must, start_with};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "sooner", a_silent_client_is_asked_after_a_second),
    Task::program(2, 60, "many", five_hundred_clients_are_one_program),
];

/// A second of silence, and a second until the next look at the clock; the rest is for a slow machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn a_silent_client_is_asked_after_a_second(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = server.websocket("/");
    while let Some((first, _)) = wire.try_frame(PATIENCE) {
        if first == PING {
            return Ok(());
        }
    }
    let seconds = PATIENCE.as_secs();
    Err(format!(
        "A client that says nothing should get a ping after 1 s; {seconds} s brought none."
    ))
}

fn five_hundred_clients_are_one_program(candidate: &Candidate) -> Finding {
    let demo = start_with("eventloop", &["--no-bench"]);
    let said = candidate.run(&[demo.host()])?.runs_to_its_end()?;
    must!(
        said.contains("500 answers"),
        "The program should print \"500 answers\" when all are there; it printed: {said:?}."
    );
    Ok(())
}
