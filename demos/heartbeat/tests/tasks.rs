//! The tasks of the heartbeat, and what a program that answers them must do.

use std::time::Instant;

use tests::task::{Candidate, Finding, Task};
use tests::{must, start};

pub const TASKS: &[Task] = &[
    Task::program(1, 60, "notice", clients_that_fall_silent_are_given_up),
    Task::program(2, 60, "asks", a_program_that_asks_notices_a_cut),
    Task::program(3, 20, "silence", a_program_that_says_nothing_measures_the_limit),
];

fn clients_that_fall_silent_are_given_up(candidate: &Candidate) -> Finding {
    let demo = start("heartbeat");
    let said = candidate.run(&[demo.host()])?.runs_to_its_end()?;
    // A connection ends before the log tells of it.
    let given_up = demo.lines_with(" is over: given up after ", 20);
    must!(
        given_up == 20,
        "Twenty clients should fall silent, and the server should give each of them up; it gave up {given_up}."
    );
    let times = said.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    let longest = times.fold(0.0, f64::max);
    must!(
        longest > 0.0,
        "The program should print after how many seconds the server gave them up."
    );
    Ok(())
}

fn a_program_that_asks_notices_a_cut(candidate: &Candidate) -> Finding {
    let demo = start("heartbeat");
    let program = candidate.run(&[demo.host()])?;
    let bench = demo.bench();
    // A ping of the program, and the server's pong.
    bench
        .feed()
        .row(|row| row.text("dir") == "down" && row.text("mean").to_lowercase().contains("pong"));
    bench.cable("cut");
    let cut = Instant::now();
    let wrote = program.runs_to_its_end()?;
    let seconds = cut.elapsed().as_secs_f64();
    must!(
        seconds < 30.0,
        "The program gave up {seconds:.0} s after the cable was cut. Its patience should be shorter."
    );
    must!(!wrote.trim().is_empty(), "The program should print what it noticed.");
    Ok(())
}

/// The task of the chapter on what lies between.
fn a_program_that_says_nothing_measures_the_limit(candidate: &Candidate) -> Finding {
    let demo = start("heartbeat");
    demo.bench().cable("idle 4");
    let wrote = candidate.run(&[demo.host()])?.runs_to_its_end()?;
    let seconds = wrote.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    let Some(seconds) = seconds else {
        return Err("The program should print how many seconds of silence it survived.".to_string());
    };
    must!(
        (2.0..60.0).contains(&seconds), // it counts from when it heard something, which may be late
        "The cable ends a connection after 4 s of silence; the program says {seconds} s."
    );
    Ok(())
}
