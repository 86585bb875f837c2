//! The answers to the tasks of the Flash socket do what the chapter says.

use tests::{example, start};

#[test]
fn a_program_without_a_movie_reads_the_policy_file_and_talks() {
    let demo = start("flash");
    let line = demo.prints("socket: 127.0.0.1:");
    let socket = line.trim().rsplit(' ').next().expect("host and port").to_string();
    let output = example("flash", "knock").arg(socket).output().expect("the example runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("<allow-access-from domain=\"127.0.0.1\""), "{said}");
    assert!(
        said.lines()
            .any(|line| line.starts_with("message 1 ") && line.ends_with(" hello from a terminal")),
        "{said}"
    );
}
