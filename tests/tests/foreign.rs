//! Clients that other people wrote, against `frames`, `handshake` and `chat`: npm `ws`, Python `websockets`, and `curl` for the
//! head. `make clients` fetches the first two; without them the tests say so and pass (in `make test` they fail).

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tests::{skipped, start, start_with};

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Whether a client was fetched. In a run that must not skip anything it has to be.
fn fetched(what: &str, file: &str) -> bool {
    let there = here(file).exists();
    if !there && std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1") {
        panic!("{what} is not here, and this run must not skip anything: `make clients` fetches it");
    }
    if !there {
        skipped(&format!("{what} is not here; `make clients` fetches it"));
    }
    there
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a client against the echo of `frames`, or in the chat, with the bench in between and without.
fn is_content(what: &str, (demo, path): (&str, &str), command: impl Fn(&str) -> Command) {
    for words in [&["--quiet"][..], &["--no-bench"]] {
        let demo = start_with(demo, words);
        let said = run(&mut command(&format!("ws://{}{path}", demo.host())));
        let errors = String::from_utf8_lossy(&said.stderr);
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), format!("{what} is content"), "{errors}");
    }
}

const ECHO: (&str, &str) = ("frames", "/echo");
const CHATS: [(&str, &str); 2] = [("chat", "/"), ("chat/by_hand", "/")];

fn node(script: &str, url: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(here(script)).arg(url);
    node
}

fn python(script: &str, url: &str) -> Command {
    let mut python = Command::new("python3");
    python.arg(here(script)).arg(url).env("PYTHONPATH", here("python_modules"));
    python
}

#[test]
fn npm_ws_gets_back_what_it_says() {
    if fetched("npm ws", "node_modules/ws/package.json") {
        is_content("ws", ECHO, |url| node("clients/ws.mjs", url));
    }
}

#[test]
fn npm_ws_talks_in_the_chat() {
    if fetched("npm ws", "node_modules/ws/package.json") {
        CHATS.iter().for_each(|&chat| is_content("ws", chat, |url| node("clients/chat_ws.mjs", url)));
    }
}

#[test]
fn python_websockets_gets_back_what_it_says() {
    if fetched("Python websockets", "python_modules/websockets/version.py") {
        is_content("websockets", ECHO, |url| python("clients/websockets_client.py", url));
    }
}

#[test]
fn python_websockets_talks_in_the_chat() {
    if fetched("Python websockets", "python_modules/websockets/version.py") {
        CHATS.iter().for_each(|&chat| is_content("websockets", chat, |url| python("clients/chat_websockets.py", url)));
    }
}

#[test]
fn curl_is_shown_the_101_and_the_accept_key_of_the_rfc() {
    let demo = start("handshake");
    let fields = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let mut curl = Command::new("curl");
    curl.args(["-s", "-i", "-N", "--http1.1", "--max-time", "5"]);
    for field in fields {
        curl.args(["-H", field]);
    }
    let Ok(said) = curl.arg(format!("{}/socket", demo.url())).stdin(Stdio::null()).output() else {
        return skipped("there is no curl here");
    };
    let head = String::from_utf8_lossy(&said.stdout).to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    // RFC 6455, 1.3: this key, this answer.
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
}
