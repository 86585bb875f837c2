//! What a page around a frame is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, Told, records};

/// Loads a frame and reads the calls in its scripts.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.get(&format!("/frame?after={cursor}"));
    assert_eq!(wire.status(), 200);
    records(move || {
        let html = String::from_utf8(wire.chunk()).expect("HTML is text");
        let calls =
            html.split("<script>parent.").skip(1).filter_map(|call| call.split_once(")</script>"));
        let calls = calls.filter_map(|(call, _)| call.split_once('('));
        calls.filter(|(_, json)| !json.is_empty()).map(|(_, json)| Told::json(json)).collect()
    })
}
