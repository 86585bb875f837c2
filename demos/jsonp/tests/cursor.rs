//! What a page that loads scripts is told of its cursor.

use tests::cursor::{Listener, polls};
use tests::{Server, Wire};

/// Asks the server with the data again and again, and takes the call off the JSON.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = Wire::connect(&demo.beside("data"));
    polls(cursor, move |cursor| {
        wire.get(&format!("/messages?after={cursor}&callback=hear"));
        let script = wire.answer().1;
        let json = script.split_once("hear(").and_then(|(_, rest)| rest.rsplit_once(')'));
        json.unwrap_or_else(|| panic!("this script calls nothing: {script}")).0.to_string()
    })
}
