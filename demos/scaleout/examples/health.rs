//! An answer to the first task of the chapter: whether any server is there.
//!
//! Run    `cargo run -p scaleout --example health`, then `curl http://127.0.0.1:8020/health`

use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;

use demo::{Demo, Site};
use handshake::page_server::{self, PageAnswer};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::Room;
use scaleout::command::{self, FleetOptions};
use scaleout::fleet::Fleet;
use serde_json::json;

const DEMO: Demo = Demo { serve, ..scaleout::DEMO };

fn main() -> ExitCode {
    command::process_or(|| bench::run_with(&DEMO, FleetOptions::of_this_program()))
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let fleet = site.shared.get::<Fleet>();
    fleet.start(&room, &site.shared.get::<FleetOptions>());
    page_server::each_request(&listener, site.clone(), move |client, request, rest| {
        if request.path() == "/health" {
            return health(&client, &request, &site, &fleet);
        }
        scaleout::answer(client, &request, &rest, &site, &fleet, Fleet::order)
    })
}

// ANCHOR: answer
/// Answers with the number of servers that take requests; with 503 when there is none.
fn health(client: &TcpStream, request: &Request, site: &Site, fleet: &Fleet) -> io::Result<()> {
    let up = fleet.order("sse", "").len();
    page_server::answer(client, request, site, |_, _| match up {
        0 => Err(Refusal::new(503, "No server is there.").with("Retry-After", "1")),
        up => Ok(PageAnswer::json(&json!({ "up": up }))),
    })
}
// ANCHOR_END: answer
