//! An answer to a task of the chapter: a silent client is asked after one second.
//!
//! Run    `cargo run -p eventloop --example sooner`

use std::time::Duration;

use demo::Demo;
use eventloop::{Patience, serve};

// ANCHOR: answer
const DEMO: Demo = Demo {
    serve: |listener, room, site| {
        let silence = Duration::from_secs(1);
        serve(listener, room, site, Patience { silence, ..Patience::default() })
    },
    ..eventloop::DEMO
};
// ANCHOR_END: answer

fn main() {
    bench::run(&DEMO);
}
