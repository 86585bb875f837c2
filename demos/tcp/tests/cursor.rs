//! What a client of the room for `nc` is told of its cursor.

use tests::cursor::{Listener, Told, records};
use tests::{Server, Wire};

/// Goes to the cursor, and reads line by line.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = Wire::connect(&demo.beside("room"));
    assert!(wire.message(b'\n').starts_with("# You are in"));
    wire.send(format!("/after {cursor}\n"));
    records(move || {
        let line = wire.message(b'\n');
        let gone =
            line.strip_prefix("# ").and_then(|remark| remark.split_once(" messages are gone"));
        let told = match (gone, line.split_once(' ')) {
            (Some((count, _)), _) => {
                Told { missed: count.parse().expect("a number"), ..Told::default() }
            }
            (None, Some(("#", remark))) => {
                Told { restarted: remark.contains("started again"), ..Told::default() }
            }
            (None, Some((_, text))) => Told::message(text),
            (None, None) => panic!("neither a message nor a remark: {line}"),
        };
        vec![told]
    })
}
