//! The bridge: a WebSocket on one side, a TCP connection on the other, and bytes carried between them.
//!
//! Flash Player opened TCP connections by itself. Ruffle runs inside the page, where nobody may, and asks a bridge: this
//! one. It also plays the part of Flash's sandbox, which Ruffle leaves out: it asks the TCP server for its policy file
//! before it connects.
//!
//! The WebSocket is tungstenite's work: what a library takes off one's hands is not this lesson's subject.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use demo::{SideServer, Site, Speaks};
use room::Room;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::policy;
use crate::temp::Messages;

/// A handshake, a frame, a policy file: what has begun has to be there in whole within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A browser that answers no ping for so long has gone; it is pinged twice in that time.
const IDLE: Duration = Duration::from_secs(60);

/// The largest message that Ruffle may send, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// The server that carries WebSockets to the TCP server.
pub const SERVER: SideServer = SideServer { name: "bridge", port: 8207, speaks: Speaks::Upgrades, shown: true, serve };

fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    net::each_connection(&listener, move |stream| {
        if let Err(error) = carry(stream, &site) {
            eprintln!("a bridge ended: {error}");
        }
    })
}

// ANCHOR: bridge
/// One WebSocket, one TCP connection: what comes in on either side goes out on the other.
///
/// The bridge knows nothing of messages. It sends whatever a read brought as one **binary** frame: the border between two
/// frames means nothing, and Flash finds its zero bytes by itself.
fn carry(browser: TcpStream, site: &Site) -> Result<(), Box<dyn std::error::Error>> {
    let Some((mut ear, tcp)) = shake_hands(browser, site)? else { return Ok(()) };
    let mouth = Mouth::new(ear.get_ref())?;

    let (from_tcp, to_browser) = (tcp.try_clone()?, mouth.clone());
    net::on_a_thread(move || {
        let _ = tcp_to_browser(from_tcp, &to_browser);
        to_browser.close(None); // the browser answers with its own close, and the ear ends
    });

    loop {
        match ear.read() {
            Ok(Message::Text(text)) => (&tcp).write_all(text.as_bytes())?,
            Ok(Message::Binary(bytes)) => (&tcp).write_all(&bytes)?,
            Ok(Message::Ping(bytes)) => mouth.send(Message::Pong(bytes)),
            Ok(Message::Close(frame)) => {
                mouth.close(frame);
                break;
            }
            Ok(_) => {}
            Err(_) => break,
        }
        ear.get_mut().began = None;
    }
    let _ = tcp.shutdown(Shutdown::Both);
    let _ = ear.get_ref().stream.shutdown(Shutdown::Both);
    Ok(())
}
// ANCHOR_END: bridge

fn tcp_to_browser(mut tcp: TcpStream, browser: &Mouth) -> io::Result<()> {
    let mut bytes = [0; 4096];
    tcp.set_read_timeout(Some(IDLE / 3))?;
    while browser.is_open() {
        match tcp.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => browser.send(Message::binary(bytes[..length].to_vec())),
            // Silence. So that a browser that has gone is noticed some day, it has to answer a ping now and then.
            Err(error) if is_pause(&error) => browser.send(Message::Ping(Vec::new().into())),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

// ---- Before the first byte: who asks? --------------------------------------------------------------------------------

/// Reads the WebSocket handshake, opens the TCP connection, and answers 101; or refuses, and returns `None`.
fn shake_hands(browser: TcpStream, site: &Site) -> io::Result<Option<(WebSocket<Ear>, TcpStream)>> {
    browser.set_nodelay(true)?;
    browser.set_write_timeout(Some(IDLE))?;
    let ear = Ear { stream: browser.try_clone()?, began: Some(Instant::now()), shakes_hands: true };
    let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let mut tcp = None;
    #[allow(clippy::result_large_err)] // tungstenite's own type
    let decide = |request: &Request, response: Response| {
        tcp = Some(admit(request, site).map_err(|(status, why)| refusal(status, &why))?);
        Ok(response)
    };
    match tungstenite::accept_hdr_with_config(ear, decide, Some(config)) {
        Ok(mut ear) => {
            ear.get_mut().shakes_hands = false;
            ear.get_mut().began = None;
            Ok(tcp.map(|tcp| (ear, tcp)))
        }
        Err(HandshakeError::Failure(tungstenite::Error::Http(_))) => hang_up(&browser),
        Err(_) => {
            let body = "This is the bridge: it speaks WebSocket only.\n";
            let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close";
            write!(&browser, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            hang_up(&browser)
        }
    }
}

// ANCHOR: admit
/// Lets a page through to the TCP server, or says why not: as Flash Player would have decided, and a bit more strictly.
fn admit(request: &Request, site: &Site) -> Result<TcpStream, (u16, String)> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (host, origin) = (header("Host"), header("Origin"));
    if !site.is_own_host(host) {
        return Err((421, "This server does not go by that name.".to_string()));
    }
    // The rule of every port here. Flash compared host names only; the browser tells us more.
    if !site.is_allowed_origin(origin, host) {
        return Err((403, "A page from another origin may not use this bridge.".to_string()));
    }
    let server = site.side_address("xmlsocket");
    let file =
        fetch_policy(server).map_err(|error| (502, format!("The socket server sent no policy file: {error}")))?;
    let page = origin.trim_start_matches("http://");
    if !policy::allows(&file, Site::host_name(page), server.port()) {
        return Err((403, format!("The policy file of the socket server does not let in movies from {page:?}.")));
    }
    connect(server).map_err(|error| (502, format!("The socket server does not answer: {error}")))
}

/// Asks the TCP server for its policy file, on a connection of its own as Flash Player did.
fn fetch_policy(server: SocketAddr) -> io::Result<String> {
    let stream = connect(server)?;
    (&stream).write_all(format!("{}\0", policy::REQUEST).as_bytes())?;
    let file = Messages::new(&stream, 0, 9000).next()?.ok_or(ErrorKind::UnexpectedEof)?;
    String::from_utf8(file).map_err(|_| ErrorKind::InvalidData.into())
}
// ANCHOR_END: admit

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(IDLE))?;
    Ok(stream)
}

fn refusal(status: u16, why: &str) -> ErrorResponse {
    let body = format!("{why}\n");
    let mut response = ErrorResponse::new(Some(body.clone()));
    *response.status_mut() = status.try_into().unwrap_or_default();
    for (name, value) in [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")] {
        response.headers_mut().insert(name, tungstenite::http::HeaderValue::from_static(value));
    }
    response.headers_mut().insert("Content-Length", body.len().into());
    response
}

/// Ends a connection that was refused so that the refusal arrives: closed with bytes unread, a socket sends RST.
fn hang_up<T>(mut browser: &TcpStream) -> io::Result<Option<T>> {
    browser.shutdown(Shutdown::Write)?;
    browser.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut rest = [0; 4096];
    for _ in 0..64 {
        if !matches!(browser.read(&mut rest), Ok(1..)) {
            break;
        }
    }
    Ok(None)
}

// ---- One WebSocket, two threads --------------------------------------------------------------------------------------

/// The side that hears. tungstenite answers pings and closes by itself; after the handshake that goes nowhere, since
/// the mouth does it: two who write into one another's frames would be worse.
struct Ear {
    stream: TcpStream,
    /// When the first byte of what is being read came.
    began: Option<Instant>,
    shakes_hands: bool,
}

impl Read for Ear {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.began.map_or(IDLE, |began| PATIENCE.saturating_sub(began.elapsed()));
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "the rest did not come in time"));
        }
        self.stream.set_read_timeout(Some(left))?;
        let length = self.stream.read(bytes).map_err(|error| match is_pause(&error) {
            true => io::Error::new(ErrorKind::ConnectionAborted, "nothing came for too long"),
            false => error,
        })?;
        self.began.get_or_insert_with(Instant::now);
        Ok(length)
    }
}

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shakes_hands { self.stream.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The side that speaks; `None` once it has said goodbye.
#[derive(Clone)]
struct Mouth(Arc<Mutex<Option<WebSocket<TcpStream>>>>);

impl Mouth {
    fn new(ear: &Ear) -> io::Result<Self> {
        let speaker = WebSocket::from_raw_socket(ear.stream.try_clone()?, Role::Server, None);
        Ok(Mouth(Arc::new(Mutex::new(Some(speaker)))))
    }

    fn is_open(&self) -> bool {
        self.speaker().is_some()
    }

    fn send(&self, message: Message) {
        let mut speaker = self.speaker();
        if let Some(open) = speaker.as_mut()
            && open.send(message).is_err()
        {
            let _ = open.get_ref().shutdown(Shutdown::Both); // wakes the ear
            *speaker = None;
        }
    }

    fn close(&self, frame: Option<tungstenite::protocol::CloseFrame>) {
        if let Some(mut open) = self.speaker().take() {
            let _ = open.close(frame);
            let _ = open.flush();
        }
    }

    fn speaker(&self) -> MutexGuard<'_, Option<WebSocket<TcpStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
