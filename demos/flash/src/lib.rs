//! Flash socket: a SWF file opens a TCP socket for the page, as from 2000 to 2020; an emulator runs it today.
//!
//! Run    `make ruffle` once, then `cargo run -p flash`, then open <http://127.0.0.1:8007> in two tabs
//! Read   this file, `socket.rs` (the server), `movie.rs` and `swf.rs` (the SWF), `bridge.rs`, then `../page.html`
//! Wire   `<policy-file-request/>` NUL, the policy NUL; then `after 0` NUL ... `message 1 1760000000000 hello` NUL
//! Book   `book/src/flash.md`
//!
//! Left out: everything else that Flash could do. What is real: the SWF, its bytecode, the TCP server, its policy file.
//! What is re-enacted: the player (Ruffle, written in Rust, run as WebAssembly) and its sandbox (`bridge.rs`).

pub mod bridge;
pub mod movie;
pub mod policy;
pub mod socket;
pub mod swf;

use std::fs::File;
use std::io::{self, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use demo::{Demo, SideServer, Site, Speaks};
use room::Room;
use tiny_http::{Header, Method, Request, Response};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "flash",
    port: 8007,
    title: "Flash socket",
    promise: "A movie of 20 years ago opens a TCP socket for the page, and an emulator runs it.",
    first: "run `make ruffle` once, then open the page in two tabs and say something in one",
    page: demo::page!("emulator.js", "flash.css", "policy.js"),
    speaks: Speaks::Http,
    serve,
    side_servers: &[
        SideServer { name: "xmlsocket", port: 8107, speaks: Speaks::Delimited(0), serve: socket::serve },
        SideServer { name: "bridge", port: 8207, speaks: Speaks::Upgrades, serve: bridge::serve },
        SideServer { name: "ruffle", port: 8307, door: Door::Unseen, serve: serve_ruffle },
    ],
};

/// Serves the page and the movie.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let swf = movie::swf();
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => {
                policy::welcome(http::header(&request, "Host").unwrap_or(""));
                http::page(request, &DEMO, &site);
            }
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/room.swf") => send(request, "application/x-shockwave-flash", Response::from_data(&swf[..])),
            (Method::Get, "/policy") => http::text(request, 200, &policy::file(socket::public_port())),
            (Method::Post, "/policy") => set_policy(request),
            (_, "/" | "/room.swf") => http::method_not_allowed(request, "GET"),
            (_, "/policy") => http::method_not_allowed(request, "GET, POST"),
            (_, "/say") => http::method_not_allowed(request, "POST"),
            _ => http::not_found(request),
        }
    })
}

/// `POST /policy`: `open` lets the movies of this demo's pages in, `closed` nobody.
fn set_policy(mut request: Request) {
    let mut word = String::new();
    let read = request.as_reader().take(20).read_to_string(&mut word);
    match (read, word.trim()) {
        (Ok(_), word @ ("open" | "closed")) => {
            policy::set_closed(word == "closed");
            http::text(request, 200, &policy::file(socket::public_port()));
        }
        _ => http::text(request, 400, "The policy knows two words: open, closed."),
    }
}

// ---- The emulator: 14 megabytes that are not the lesson, so their port is off the tap -------------------------------

/// Serves the files of Ruffle that `make ruffle` fetched.
///
/// # Errors
/// When the listener fails.
pub fn serve_ruffle(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, |request| {
        let name = request.url().trim_start_matches('/').to_string();
        match ruffle_file(&name) {
            _ if *request.method() != Method::Get => http::method_not_allowed(request, "GET"),
            Some((file, kind)) => send(request, kind, Response::from_file(file)),
            None => http::text(request, 404, "Ruffle is not here: `make ruffle` fetches it."),
        }
    })
}

/// Where `make ruffle` puts it; the environment variable `RUFFLE` names another folder.
fn ruffle_folder() -> PathBuf {
    let fetched = || Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ruffle-rs/ruffle");
    std::env::var_os("RUFFLE").map_or_else(fetched, PathBuf::from)
}

/// A file of Ruffle, and its type. Names have no slash: nobody walks out of the folder.
fn ruffle_file(name: &str) -> Option<(File, &'static str)> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    let kind = match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "wasm")) => "application/wasm", // or the browser does not compile it while it loads
        _ => return None,
    };
    plain.then(|| File::open(ruffle_folder().join(name)).ok()).flatten().map(|file| (file, kind))
}

/// Answers with a file. Only this demo's own pages get so far, so whoever asks may read it.
fn send<R: io::Read>(request: Request, kind: &str, mut response: Response<R>) {
    let origin = http::header(&request, "Origin").unwrap_or("null").to_string();
    let headers = [
        ("Content-Type", kind),
        ("Cache-Control", "no-cache"),
        ("X-Content-Type-Options", "nosniff"),
        ("Access-Control-Allow-Origin", &origin),
        ("Vary", "Origin"),
    ];
    for (name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    let _ = request.respond(response);
}
