//! Machinery: serves the official client, which `make socketio` has fetched. The wire view does not show it.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use demo::{SideServer, Site, Speaks};
use http::Answer;
use room::Room;
use tiny_http::{Request, Response};

/// The server of the client's one file.
pub const SERVER: SideServer =
    SideServer { name: "client", port: 8119, speaks: Speaks::Http, shown: false, serve };

/// The client as an ES module, with all that it needs inside.
const FILE: &str = "/socket.io.esm.min.js";

fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, |request| http::get(request, answer))
}

fn answer(request: Request) {
    if http::path(&request) != FILE {
        return http::not_found(request);
    }
    let Ok(file) = File::open(folder().join(&FILE[1..])) else {
        return http::text(request, 404, "The client is not here: `make socketio` fetches it.");
    };
    // The page has another port than this file, so it is another origin. `http::serve` let this origin through already.
    let origin = http::header(&request, "Origin").unwrap_or("null").to_string();
    Answer::new(200)
        .field("Cache-Control", "no-cache")
        .field("Access-Control-Allow-Origin", origin)
        .field("Vary", "Origin")
        .respond(request, "text/javascript; charset=utf-8", Response::from_file(file));
}

/// Where `make socketio` puts the file; the environment variable `SOCKET_IO_CLIENT` names another folder.
fn folder() -> PathBuf {
    let fetched =
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/socket.io-client/dist");
    std::env::var_os("SOCKET_IO_CLIENT").map_or_else(fetched, PathBuf::from)
}
