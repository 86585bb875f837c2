//! What every demo promises on the wire: the `tests/wire.rs` of all demos. One demo's alone, and aimed at your own server, in any
//! language: `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- longpoll::`

mod cursors;
mod no_store;
mod proxies;

include!(concat!(env!("OUT_DIR"), "/wire.rs"));
