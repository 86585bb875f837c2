//! The two ends that tungstenite's `WebSocket` is used as, and its limits.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::mailbox::Outgoing;

/// The longest event that is taken, in bytes: a text has 1,000 characters, and JSON may need 12 bytes for one.
pub const MAX_EVENT: usize = 16 * 1024;

/// How many bytes one read may take, and what one connection keeps for that. The library's own default is 128 KiB.
const READ: usize = 4 * 1024;

/// How many bytes the kernel may hold for a client that does not read. It would be 4 MB where nothing is said (Linux).
const KERNEL: usize = 64 * 1024;

/// Sets the limits of the socket itself: how long a read may wait, and what the kernel holds.
///
/// # Errors
/// When the socket is broken.
pub fn limit(stream: &TcpStream, silence: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(silence))?;
    SockRef::from(stream).set_send_buffer_size(KERNEL)
}

// ANCHOR: ends
/// The end that reads. Its writes are swallowed: what tungstenite wants to answer by itself is put
/// into the mailbox by the caller, so that one thread only writes to the socket.
pub struct ReadOnly(Arc<TcpStream>);

impl Read for ReadOnly {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(into)
    }
}

impl Write for ReadOnly {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end that reads; `rest` is what has arrived behind the head of the handshake.
pub fn reading(stream: Arc<TcpStream>, rest: Vec<u8>) -> WebSocket<ReadOnly> {
    let limits = config(READ).max_message_size(Some(MAX_EVENT)).max_frame_size(Some(MAX_EVENT));
    WebSocket::from_partially_read(ReadOnly(stream), rest, Role::Server, Some(limits))
}

/// The end that writes. It is never read from.
pub fn writing(stream: &TcpStream) -> WebSocket<&TcpStream> {
    WebSocket::from_raw_socket(stream, Role::Server, Some(config(0)))
}
// ANCHOR_END: ends

fn config(read: usize) -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(read).write_buffer_size(READ)
}

/// What the mailbox holds, as tungstenite's message.
pub fn message(outgoing: Outgoing) -> Message {
    match outgoing {
        Outgoing::Text(text) => Message::text(&*text),
        Outgoing::Pong(payload) => Message::Pong(payload.into()),
        Outgoing::Close(code, why) => {
            Message::Close(code.map(|code| CloseFrame { code, reason: why.into() }))
        }
    }
}
