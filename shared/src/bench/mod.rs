//! What a demo lies on.
use crate::{Demo, Room};
use std::net::TcpListener;
use std::sync::Arc;

/// Port of the bench.
pub fn port() -> u16 {
    9003
}

/// The host part.
pub fn host_name(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Stub.
pub fn run(demo: &'static Demo) {
    let port = std::env::var("PORT").ok().and_then(|p| p.parse().ok()).unwrap_or(demo.port);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    println!("{}: http://{}", demo.title, listener.local_addr().unwrap());
    (demo.serve)(listener, Arc::new(Room::new(1000))).unwrap();
}
