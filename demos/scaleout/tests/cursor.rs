//! What a reader of the servers is told of its cursor.

use serde_json::Value;
use tests::cursor::{Listener, polls};
use tests::{Server, Wire};

#[path = "machines.rs"]
pub mod machines;

/// Asks again and again, at once, and any of the servers answers: it closes the connection.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let host = demo.host().to_string();
    polls(cursor, move |cursor| {
        let mut wire = Wire::connect(&host);
        wire.get(&format!("/longpoll/wait?hold=1&after={cursor}"));
        wire.answer().1
    })
}

/// Whether the servers are one room here; without Redis each of them is a room of its own.
pub fn has_a_log() -> bool {
    machines::is_installed("redis-server")
}

/// Says these, each over a connection of its own, and waits until each server has copied all of them from the log: the one that
/// answers next may be behind.
pub fn say_all(demo: &Server, texts: &[String]) {
    let last = texts.iter().map(|text| demo.say(text).id).max();
    let state = machines::Control::of(demo).state();
    for server in state["servers"].as_array().expect("servers") {
        let host = format!("127.0.0.1:{}", server["ports"]["longpoll"]);
        tests::until("the server has all", || {
            let mut wire = Wire::connect(&host);
            wire.get("/wait?after=0&hold=1");
            let news: Value = serde_json::from_str(&wire.answer().1).expect("news");
            news["after"].as_u64() >= last
        });
    }
}
