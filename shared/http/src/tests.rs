//! The answers as a client on a socket gets them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use demo::Site;
use room::Room;

use crate::{Endless, get, path, say, serve, text};

/// How long a test waits for bytes before it fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server with a room at `/say`, an answer at `/`, and a stream at `/stream`; it tells each path that it was asked for.
fn start(asked: Option<Sender<String>>) -> (SocketAddr, Arc<Room>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (site, room) = (Arc::new(Site::new(address)), Arc::new(Room::new(10)));
    let kept = room.clone();
    thread::spawn(move || {
        serve(listener, &site, move |request| {
            asked.iter().for_each(|asked| asked.send(path(&request).to_string()).unwrap());
            match path(&request) {
                "/say" => say(request, &room),
                "/stream" => drop(Endless::begin(request, "text/plain", &[]).and_then(|mut out| {
                    out.send("hello")?;
                    out.end()
                })),
                _ => get(request, |request| text(request, 200, "here")),
            }
        })
    });
    (address, kept)
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Sends these bytes and reads the answer's head, and as much of its body as came with it.
fn ask(server: SocketAddr, request: &str) -> (TcpStream, String) {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).unwrap();
    let answer = answer(&mut stream);
    (stream, answer)
}

fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut some = [0; 1024];
        let length = stream.read(&mut some).expect("an answer within the deadline");
        assert_ne!(length, 0, "the connection ended before an answer: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&some[..length]);
    }
    String::from_utf8(bytes).unwrap()
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_body_that_was_cut_off_is_refused_and_nothing_is_said() {
    let (server, room) = start(None);
    // Longer than 1 KiB: shorter ones tiny_http drops by itself.
    let mut stream = connect(server);
    let text = "x".repeat(1_400);
    write!(stream, "POST /say HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n{text}").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(answer(&mut stream).starts_with("HTTP/1.1 400 "));
    let (_, answer) = ask(server, "POST /say HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert_eq!(room.last(), 0);
}

#[test]
fn an_upgrade_that_is_not_wanted_is_ignored() {
    let (server, room) = start(None);
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA";
    let (_stream, answer) =
        ask(server, &format!("POST /say HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\nContent-Length: 5\r\n\r\nhello"));
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(room.last(), 1);
}

#[test]
fn head_is_answered_like_get_without_the_body() {
    let (server, _) = start(None);
    let (stream, head) = ask(server, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Content-Length: 5\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n") && rest(stream).is_empty());
    let (stream, head) = ask(server, "HEAD /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(head.contains("Transfer-Encoding: chunked\r\n\r\n") && head.contains("\r\nDate: "), "{head}");
    assert!(head.ends_with("\r\n\r\n") && rest(stream).is_empty());
}

#[test]
fn a_stream_to_http_1_0_has_no_chunks_and_ends_with_its_connection() {
    let (server, _) = start(None);
    let (stream, head) = ask(server, "GET /stream HTTP/1.0\r\n\r\n");
    assert!(head.contains("Connection: close\r\n") && !head.contains("chunked"), "{head}");
    let (_, begun) = head.split_once("\r\n\r\n").unwrap();
    assert_eq!(format!("{begun}{}", rest(stream)), "hello");
}

#[test]
fn another_method_is_told_which_one_the_path_takes() {
    let (server, _) = start(None);
    let (_stream, answer) = ask(server, "DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("Allow: GET, HEAD\r\n"), "{answer}");
}

#[test]
fn a_target_in_absolute_form_is_the_same_path() {
    let (asked, paths) = channel();
    let (server, _) = start(Some(asked));
    for target in ["/some?x=1", "http://localhost/some", "HTTP://localhost:8003/some?after=7"] {
        let _answer = ask(server, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(paths.recv_timeout(DEADLINE).unwrap(), "/some", "{target}");
    }
}

#[test]
fn a_refused_request_whose_body_does_not_come_keeps_no_one_waiting() {
    let (server, _) = start(None);
    let mut held = connect(server);
    held.write_all(b"POST /say HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 60000\r\n\r\n").unwrap();
    assert!(answer(&mut held).starts_with("HTTP/1.1 421 "));
    let (_stream, answer) = ask(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn a_page_from_elsewhere_is_refused() {
    let (server, _) = start(None);
    let (_stream, answer) = ask(server, "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

/// Each test shows a fault of bare tiny_http that `quirks.rs` names. When one of these tests fails, the newer tiny_http is
/// mended, and what stands around it can go.
mod tiny_http_still {
    use super::*;

    fn bare() -> (SocketAddr, Arc<tiny_http::Server>) {
        let server = Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
        (server.server_addr().to_ip().unwrap(), server)
    }

    #[test]
    fn gathers_a_response_before_it_sends_any_of_it() {
        /// Four bytes at once, the rest when the test allows it.
        struct Slow(std::sync::mpsc::Receiver<()>, bool);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                if self.1 {
                    self.0.recv().unwrap();
                    return Ok(0);
                }
                self.1 = true;
                buffer[..4].copy_from_slice(b"soon");
                Ok(4)
            }
        }
        let (address, server) = bare();
        let (go, wait) = channel();
        thread::spawn(move || {
            let response = tiny_http::Response::empty(200).with_data(Slow(wait, false), None);
            server.recv().unwrap().respond(response)
        });
        let mut stream = connect(address);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(stream.read(&mut [0; 1024]).is_err(), "the first bytes came at once");
        go.send(()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        assert!(rest(stream).contains("soon"));
    }

    #[test]
    fn takes_a_body_that_was_cut_off_for_a_whole_one() {
        let (address, server) = bare();
        let mut stream = connect(address);
        let text = "x".repeat(1_400);
        write!(stream, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n{text}").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut body = Vec::new();
        assert!(server.recv().unwrap().as_reader().read_to_end(&mut body).is_ok());
        assert_eq!(body.len(), 1_400);
    }

    #[test]
    fn gives_an_upgrade_request_the_raw_stream_for_its_body() {
        let (address, server) = bare();
        let mut stream = connect(address);
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\nhello GET /")
            .unwrap();
        let mut body = [0; 11];
        server.recv().unwrap().as_reader().read_exact(&mut body).unwrap();
        assert_eq!(&body, b"hello GET /");
    }

    #[test]
    fn drops_the_header_connection_of_a_response() {
        let field = tiny_http::Header::from_bytes("Connection", "close").unwrap();
        assert!(tiny_http::Response::empty(200).with_header(field).headers().is_empty());
    }

    /// Fifty connections at once, each with a request that is held: without a new connection behind them, some stay in
    /// the queue of a thread that is taken. Any of a few tries shows it.
    #[test]
    fn lets_connections_that_come_in_together_wait_for_one_another() {
        let shown = (0..10).any(|_| {
            let (address, server) = bare();
            let clients: Vec<TcpStream> = (0..50)
                .map(|_| {
                    let mut stream = connect(address);
                    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
                    stream
                })
                .collect();
            let held: Vec<_> =
                std::iter::from_fn(|| server.recv_timeout(Duration::from_millis(300)).unwrap()).collect();
            held.len() < clients.len()
        });
        assert!(shown, "every request came out at once, ten times");
    }
}
