//! The book's recordings, made again and compared: when the wire changes, this says which chapter is stale. Each demo's is in its
//! `tests/recording.rs`.
//!
//! `make record` (`RECORD=1 cargo test -p tests --test recordings`) writes them anew.

include!(concat!(env!("OUT_DIR"), "/recordings.rs"));
