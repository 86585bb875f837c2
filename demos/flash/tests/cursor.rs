//! What an `XMLSocket` is told of its cursor.

use tests::cursor::{Listener, Told, records};
use tests::{Server, Wire};

/// Resumes behind the cursor, and reads message by message.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = Wire::connect(&demo.beside("xmlsocket"));
    wire.send(format!("after {cursor}\0"));
    records(move || {
        let line = wire.message(0);
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["missed", count] => {
                vec![Told { missed: count.parse().expect("a number"), ..Told::default() }]
            }
            ["restarted"] => vec![Told { restarted: true, ..Told::default() }],
            ["message", _, _, text] => vec![Told::message(text)],
            _ => Vec::new(), // here
        }
    })
}
