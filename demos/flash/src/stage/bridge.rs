//! Stage machinery: not the lesson. The bridge carries bytes between a WebSocket and a TCP connection.
//!
//! Flash Player opened TCP connections itself. Ruffle runs inside the page, which can't, so it asks this bridge. The bridge
//! also plays the part of Flash Player's sandbox, which Ruffle leaves out: before it connects, it asks the TCP server for its
//! policy file.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use demo::{SideServer, Site, Speaks};
use frames::close::{Close, NORMAL_CLOSURE};
use frames::message::{DataMessage, Role};
use frames::outbox::Sender;
use frames::websocket::{Next, WebSocket};
use handshake::fields::Accepted;
use handshake::page_server;
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::Room;

use crate::policy;

/// A policy file, a TCP connection: it has to be there within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A browser that sends nothing for this long has gone: it gets pings in that time, and it would answer them.
const IDLE: Duration = Duration::from_secs(60);

/// The longest WebSocket message that Ruffle may send, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// The longest policy file, in bytes.
const MAX_POLICY: usize = 8 * 1024;

/// The bridge, one of the demo's servers.
pub const SERVER: SideServer =
    SideServer { name: "bridge", port: 8207, speaks: Speaks::Upgrades, shown: true, serve };

fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    page_server::each_request(
        &listener,
        site.clone(),
        move |mut browser, request, rest| match admit(&request, &site) {
            Ok((accepted, tcp)) => {
                browser.write_all(handshake::switching_protocols(&accepted).as_bytes())?;
                carry(WebSocket::new(browser, rest, Role::Server, MAX_MESSAGE), &tcp, IDLE)
            }
            Err(refusal) => page_server::refuse(&browser, refusal),
        },
    )
}

/// Opens a TCP connection for a page, or refuses it as Flash Player would have done.
fn admit(request: &Request, site: &Site) -> Result<(Accepted, TcpStream), Refusal> {
    // A WebSocket handshake, from a page of this demo. Flash Player compared host names only.
    let accepted = handshake::check(request, site, &[])?;
    let server = site.side_address("xmlsocket");
    let failed = |error| Refusal::new(502, format!("The socket server did not answer: {error}"));
    let file = fetch_policy(server).map_err(failed)?;
    let origin = request.only("Origin").unwrap_or("");
    let host = Site::host_name(origin.trim_start_matches("http://"));
    if !policy::allows(&file, host, server.port()) {
        let why = format!("The policy file does not let in movies from {host:?}.");
        return Err(Refusal::new(403, why));
    }
    Ok((accepted, connect(server).map_err(failed)?))
}

/// Asks the TCP server for its policy file, on a connection of its own as Flash Player did.
fn fetch_policy(server: SocketAddr) -> io::Result<String> {
    let mut stream = connect(server)?;
    stream.write_all(format!("{}\0", policy::REQUEST).as_bytes())?;
    let file = net::Splitter::new(&stream, 0, MAX_POLICY).next(Some(PATIENCE), PATIENCE)?;
    String::from_utf8(file.unwrap_or_default()).map_err(|_| ErrorKind::InvalidData.into())
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Carries bytes both ways until one side ends; then it ends the other side.
fn carry(mut browser: WebSocket, tcp: &TcpStream, idle: Duration) -> io::Result<()> {
    browser.set_read_timeout(Some(idle))?;
    let (sender, from_tcp) = (browser.sender(), tcp.try_clone()?);
    net::on_a_thread(move || {
        let _gone = tcp_to_browser(&from_tcp, &sender, idle);
        // The browser answers the Close frame, and the other thread ends.
        let _gone = sender.close(&Close { code: Some(NORMAL_CLOSURE), reason: String::new() });
    });
    let _gone = browser_to_tcp(&mut browser, tcp);
    browser.sender().hang_up();
    tcp.shutdown(Shutdown::Both)
}

fn browser_to_tcp(browser: &mut WebSocket, mut tcp: &TcpStream) -> io::Result<()> {
    loop {
        match browser.read() {
            Next::Message(DataMessage::Binary(bytes)) => tcp.write_all(&bytes)?,
            Next::Message(DataMessage::Text(text)) => tcp.write_all(text.as_bytes())?,
            Next::Pong(_) => {}
            Next::Timeout | Next::Gone(_) => return Ok(()),
        }
    }
}

/// Sends what each read brought as one **binary** message. Its end means nothing: the movie finds
/// the zero bytes itself. Now and then a ping asks whether the browser is still there.
fn tcp_to_browser(mut tcp: &TcpStream, browser: &Sender, idle: Duration) -> io::Result<()> {
    tcp.set_read_timeout(Some(idle / 3))?;
    let (mut bytes, mut pinged) = ([0; 4096], Instant::now());
    loop {
        match tcp.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(length) => browser.send(&DataMessage::Binary(bytes[..length].to_vec()))?,
            Err(error) if net::is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
        if pinged.elapsed() >= idle / 3 {
            browser.ping(b"")?;
            pinged = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Two ends of a TCP connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        (TcpStream::connect(listener.local_addr().unwrap()).unwrap(), listener.accept().unwrap().0)
    }

    /// A bridge between two connections; their other ends.
    fn bridge(idle: Duration) -> (TcpStream, TcpStream) {
        let ((browser, near), (tcp, server)) = (pair(), pair());
        let websocket = WebSocket::new(near, Vec::new(), Role::Server, MAX_MESSAGE);
        thread::spawn(move || carry(websocket, &tcp, idle));
        (browser, server)
    }

    #[test]
    fn a_browser_that_answers_no_ping_is_given_up_and_the_tcp_connection_ended() {
        let (mut browser, mut server) = bridge(Duration::from_secs(4));
        browser.write_all(&[0x82, 0xfe, 0x10]).unwrap(); // the beginning of a frame
        assert_eq!(server.read(&mut [0; 10]).unwrap(), 0);
        let mut all = Vec::new();
        browser.read_to_end(&mut all).unwrap();
        assert_eq!(all[..2], [0x89, 0], "it was asked by a ping");
    }

    #[test]
    fn a_browser_is_pinged_also_while_the_tcp_server_is_never_silent() {
        let (mut browser, mut server) = bridge(Duration::from_secs(4));
        let (mut all, mut bytes) = (Vec::new(), [0; 100]);
        while !all.windows(2).any(|two| two == [0x89, 0]) {
            server.write_all(b"x").unwrap();
            let length = browser.read(&mut bytes).unwrap(); // a frame, or several at once
            assert!(length > 0, "the connection ended before a ping came");
            all.extend_from_slice(&bytes[..length]);
        }
    }
}
