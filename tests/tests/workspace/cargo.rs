//! A program that cargo has started may start cargo itself, as the book and the tests do.

use std::env;
use std::process::Command;

use serde_json::Value;
use tests::workspace;

/// How the names begin of what cargo tells a program that it starts (The Cargo Book, "Environment variables Cargo sets").
const TOLD: [&str; 6] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_", "OUT_DIR"];

/// The packages that are compiled when this cargo builds `wss`; others are found as they were. Of that demo's libraries, ring has a
/// build script that watches what cargo tells it.
fn compiled_by(mut cargo: Command) -> Vec<String> {
    let own = env::current_exe().expect("a test program knows where it is");
    let target = own.ancestors().nth(3).expect("a test program lies in TARGET/PROFILE/deps");
    cargo.args(["build", "--quiet", "-p", "wss", "--message-format=json", "--target-dir"]).arg(target);
    let output = cargo.current_dir(workspace()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    messages
        .filter(|message: &Value| message["fresh"] == false)
        .map(|message| message["package_id"].to_string())
        .collect()
}

#[test]
fn a_demo_that_was_built_from_a_terminal_is_not_compiled_again_by_a_test_or_the_book() {
    let mut terminal = Command::new("cargo");
    for (name, _) in env::vars().filter(|(name, _)| TOLD.iter().any(|start| name.starts_with(start))) {
        terminal.env_remove(name);
    }
    compiled_by(terminal);
    let again = compiled_by(demo::index::cargo(workspace()));
    assert!(again.is_empty(), "compiled again: {again:#?}");
}
