//! The pages, in real browsers: every test runs in Chromium and in Firefox. Each demo's are in its `tests/pages.rs` and
//! `tests/breaks.rs`; here stands what concerns no demo more than another.
//!
//! Without a browser on the machine a test says so and passes; `make test` installs them and skips nothing.

mod between;
mod book;
mod elements;
mod walks;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));
