//! Every task of a chapter has a check and an answer: the answer passes the check, and the demo as it is does not, or there would
//! be nothing to do. Each demo's tasks are in its `tests/tasks.rs`.

use std::fs;

use tests::workspace;

include!(concat!(env!("OUT_DIR"), "/tasks.rs"));

#[test]
fn every_demo_has_two_tasks_or_three() {
    for demo in demo::index::all(workspace()) {
        let tasks = TASKS.iter().find(|(name, _)| *name == demo.name).map_or(0, |(_, tasks)| tasks.len());
        assert!(tasks >= 1, "demos/{}/tests/tasks.rs has no list of tasks: pub const TASKS", demo.name);
    }
}

#[test]
fn every_answer_to_a_task_is_tried_by_its_check() {
    for demo in fs::read_dir(workspace().join("demos")).expect("there are demos").flatten() {
        let name = demo.file_name().into_string().expect("a plain name");
        let tasks = TASKS.iter().find(|(demo, _)| *demo == name).map_or(&[][..], |(_, tasks)| tasks);
        for example in fs::read_dir(demo.path().join("examples")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(example.path()).expect("an example is text");
            if !text.starts_with("//! An answer to ") {
                continue; // a tool of the demo's own
            }
            let answer = example.path().file_stem().expect("a name").to_string_lossy().into_owned();
            assert!(tasks.iter().any(|task| task.answer == answer), "no task of {name} has the answer {answer}");
        }
    }
}

/// What `cargo run -p check` with these words says, and its exit code.
fn check(words: &[&str]) -> (String, Option<i32>) {
    let mut command = demo::index::cargo(workspace());
    command.args(["run", "--quiet", "-p", "check", "--"]).args(words);
    let output = command.output().expect("cargo runs");
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.code())
}

#[test]
fn the_command_says_in_words_what_is_missing() {
    let (said, code) = check(&["longpoll", "2"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("Task 2 of longpoll"), "{said}");
    assert!(said.contains(": not yet. The hundred-and-first request should get 503; it got 200.\n"), "{said}");
    assert!(!said.contains("panicked"), "a learner sees no panic: {said}");
}

#[test]
fn a_command_that_asks_for_no_task_is_told_which_there_are() {
    let (said, code) = check(&["longpol"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no tasks of \"longpol\"") && said.contains("longpoll"), "{said}");
    let (said, code) = check(&["longpoll", "9"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("longpoll has no task \"9\"; its tasks are 1, 2, 3."), "{said}");
    let (said, code) = check(&["flash", "1", "--target", "http://127.0.0.1:9000"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("asks for a program"), "{said}");
}

#[test]
fn a_server_of_ones_own_is_checked_at_its_address() {
    let server = tests::start("polling/etag");
    let (said, code) = check(&["polling", "2", "--target", server.url()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with(": done.\n"), "{said}");
}
