//! An answer to the second task of the chapter: a request goes to the server with the fewest connections.
//!
//! Run    `cargo run -p scaleout --example least`

use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use demo::{Demo, Site};
use handshake::page_server;
use room::Room;
use scaleout::command::{self, FleetOptions};
use scaleout::fleet::Fleet;

const DEMO: Demo = Demo { serve, ..scaleout::DEMO };

fn main() -> ExitCode {
    command::process_or(|| bench::run_with(&DEMO, FleetOptions::of_this_program()))
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let fleet = site.shared.get::<Fleet>();
    fleet.start(&room, &site.shared.get::<FleetOptions>());
    page_server::each_request(&listener, site.clone(), move |client, request, rest| {
        scaleout::answer(client, &request, &rest, &site, &fleet, least)
    })
}

// ANCHOR: answer
/// The servers, the one with the fewest connections first. The sort keeps the order of equals, so
/// those take turns.
fn least(fleet: &Fleet, technique: &str, tab: &str) -> Vec<(String, u16)> {
    let mut order = fleet.order(technique, tab);
    order.sort_by_key(|(name, _)| fleet.connections(name));
    order
}
// ANCHOR_END: answer
