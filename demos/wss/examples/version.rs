//! An answer to the first task: TLS 1.3 and no other version.
//!
//! Run    `cargo run -p wss --example version`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use room::Room;
use rustls::version::TLS13;
use wss::certificates::{self, Certificates, TITLE};
use wss::terminator::{Inner, Terminator, config};

const DEMO: Demo = Demo { serve, ..wss::DEMO };

fn main() {
    bench::run(&DEMO);
}

// ANCHOR: answer
fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let certificates = Certificates::open(&certificates::folder()?, TITLE, &wss::names(&site))?;
    let room = Inner { protocol: "http/1.1", address: site.side_address("ws") };
    Terminator::with(config(certificates, &[&TLS13]), vec![room], &site).serve(&listener)
}
// ANCHOR_END: answer
