//! The tasks of the Flash socket, and what a program that answers them must do.

use tests::task::{Candidate, Finding, Task};
use tests::{must, start};

pub const TASKS: &[Task] = &[
    Task::program(1, 20, "knock", a_program_asks_for_the_policy_file),
    Task::program(2, 20, "knock", a_program_says_something_and_hears_it),
];

fn a_program_asks_for_the_policy_file(candidate: &Candidate) -> Finding {
    let demo = start("flash");
    let program = candidate.run(&[&demo.beside("xmlsocket")])?;
    let file = program.says("<allow-access-from domain=");
    must!(
        file.is_some(),
        "The program should print the policy file, with its line <allow-access-from domain=...>."
    );
    Ok(())
}

fn a_program_says_something_and_hears_it(candidate: &Candidate) -> Finding {
    let demo = start("flash");
    let program = candidate.run(&[&demo.beside("xmlsocket")])?;
    let heard = program.says("message 1 ");
    must!(
        heard.is_some(),
        "The program should say something, wait until it comes back, and print it: message 1 ..."
    );
    Ok(())
}
