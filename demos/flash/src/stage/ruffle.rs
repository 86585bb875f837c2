//! Stage machinery: not the lesson. Serves the emulator's files, 14 MB that the wire view does not show.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use demo::{SideServer, Site, Speaks};
use http::Answer;
use room::Room;
use tiny_http::{Request, Response};

/// The server of the files that `make ruffle` fetched.
pub const SERVER: SideServer =
    SideServer { name: "ruffle", port: 8307, speaks: Speaks::Http, shown: false, serve };

fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, |request| http::get(request, answer))
}

fn answer(request: Request) {
    let Some((file, kind)) = open(http::path(&request).trim_start_matches('/')) else {
        return http::text(request, 404, "Ruffle is not here: `make ruffle` fetches it.");
    };
    // The page has another port than these files, so it is another origin. `http::serve` let this origin through already.
    let origin = http::header(&request, "Origin").unwrap_or("null").to_string();
    Answer::new(200)
        .field("Cache-Control", "no-cache")
        .field("Access-Control-Allow-Origin", origin)
        .field("Vary", "Origin")
        .respond(request, kind, Response::from_file(file));
}

/// A file of Ruffle, and its media type. A name with a slash is refused, so no request leaves the folder.
fn open(name: &str) -> Option<(File, &'static str)> {
    let kind = match name.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm", // with this type, the browser compiles it while it loads
        _ => return None,
    };
    let plain =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    plain.then(|| File::open(folder().join(name)).ok()).flatten().map(|file| (file, kind))
}

/// Where `make ruffle` puts the files; the environment variable `RUFFLE` names another folder.
fn folder() -> PathBuf {
    let fetched = || Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ruffle-rs/ruffle");
    std::env::var_os("RUFFLE").map_or_else(fetched, PathBuf::from)
}
