//! An answer to the third task of the chapter: a client that opens fifty streams on one connection.
//!
//! Run    `cargo run -p http2 --example fifty -- 127.0.0.1:8118`, with the demo running

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use http2::frame::{self, ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, SETTINGS};
use http2::hpack::Packer;

// ANCHOR: answer
fn main() -> io::Result<()> {
    let host = std::env::args().nth(1).expect("the server's host:port stands behind the program");
    let mut socket = TcpStream::connect(&host)?;
    let (mut wire, mut packer) = (PREFACE.to_vec(), Packer::default());
    frame::write(&mut wire, SETTINGS, 0, 0, &[]);
    for number in 0..50 {
        let fields =
            [(":method", "GET"), (":scheme", "http"), (":path", "/events"), (":authority", &host)];
        let block = packer.pack(fields); // from the second on, a byte for each field
        frame::write(&mut wire, HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &block);
    }
    socket.write_all(&wire)?;

    let (mut arrived, mut streams, mut bytes) = (Vec::new(), BTreeSet::new(), [0; 16 * 1024]);
    while streams.len() < 50 {
        let length = socket.read(&mut bytes)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        arrived.extend_from_slice(&bytes[..length]);
        let mut rest = &arrived[..];
        while let Some((head, payload)) =
            frame::take(&mut rest).map_err(|fault| io::Error::other(fault.to_string()))?
        {
            let mut answer = Vec::new();
            match head.kind {
                DATA => drop(streams.insert(head.stream)),
                SETTINGS if !head.has(ACK) => frame::write(&mut answer, SETTINGS, ACK, 0, &[]),
                PING if !head.has(ACK) => frame::write(&mut answer, PING, ACK, 0, payload),
                _ => {}
            }
            socket.write_all(&answer)?;
        }
        arrived = rest.to_vec();
    }
    println!("{} streams", streams.len());
    Ok(())
}
// ANCHOR_END: answer
