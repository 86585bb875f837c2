//! What the thread of all connections does when it panics in the treatment of one.

use std::io::Write;
use std::net::TcpStream;

use demo::Site;

use super::*;
use crate::capture::tap::{LIMIT, Tap, What};

#[test]
fn a_panic_ends_one_connection_and_gives_back_all_that_it_held() {
    let public = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = public.local_addr().unwrap();
    let tap = Arc::new(Tap::new(LIMIT));
    let route = Route { tap: Some(tap.clone()), ..Route::new(Some(address), Site::new(address)) };
    let setup = ProxySetup::new().unwrap();
    let mut proxy = EventLoop::new(setup.poll, &setup.arrivals, vec![(public, route)], None).unwrap();
    proxy.env.buffer = Vec::new(); // so the first read panics
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"x").unwrap();
    std::panic::set_hook(Box::new(|_| {})); // without a word on the terminal
    while tap.counters()[0] == 0 {
        proxy.frontends[0].ready = true;
        proxy.accept(0);
    }
    drop(std::panic::take_hook());
    assert!(proxy.connections.slots.is_empty());
    assert!(matches!(tap.since(0).events.last(), Some(event) if matches!(event.what, What::Gone)));
    assert!(proxy.frontends[0].place().is_ok_and(|place| place.route().open.get() == 1), "this place and no other");
    client.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let ended = std::io::Read::read(&mut client, &mut [0]);
    assert!(matches!(ended, Ok(0)) || ended.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
}
