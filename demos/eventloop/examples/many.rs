//! An answer to a task of the chapter: one thread, 500 WebSockets, on the client's side.
//!
//! Run    `cargo run -p eventloop --example many -- 127.0.0.1:8016`

use std::io::{self, ErrorKind, Read, Write};

use frames::MAX_EVENT;
use frames::frame::{Opcode, write_frame};
use frames::message::{DataMessage, Incoming, Receiver, Role};
use handshake::client;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const MANY: usize = 500;

// ANCHOR: answer
fn main() -> io::Result<()> {
    let host = std::env::args().nth(1).unwrap_or("127.0.0.1:8016".to_string());
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1_024));
    let mut clients = Vec::new();
    for number in 0..MANY {
        let stream = std::net::TcpStream::connect(&host)?;
        let (stream, ..) = client::upgrade(stream, &host, "/echo", &[])?; // still with waiting
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        clients.push((stream, Receiver::new(Role::Client, MAX_EVENT), Vec::new()));
    }
    for (number, (stream, ..)) in clients.iter_mut().enumerate() {
        let (mut frame, text) = (Vec::new(), format!("I am {number}"));
        write_frame(&mut frame, true, Opcode::Text, Some([7; 4]), text.as_bytes());
        stream.write_all(&frame)?; // the kernel of a new connection takes more than this
    }
    let mut answers = 0;
    while answers < MANY {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Token(number) = event.token();
            let (stream, receiver, arrived) = &mut clients[number];
            let right = DataMessage::Text(format!("I am {number}"));
            for incoming in read(stream, receiver, arrived)? {
                answers += usize::from(incoming == Incoming::Message(right.clone()));
            }
        }
    }
    println!("{answers} answers");
    Ok(())
}

/// Everything that has arrived.
fn read(
    stream: &mut TcpStream,
    receiver: &mut Receiver,
    arrived: &mut Vec<u8>,
) -> io::Result<Vec<Incoming>> {
    match stream.read_to_end(arrived) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {} // what had come is in there
        Err(error) => return Err(error),
        Ok(_) => return Err(ErrorKind::UnexpectedEof.into()),
    }
    let mut all = Vec::new();
    loop {
        let received = receiver.receive(arrived);
        let (count, incoming) = received.map_err(|failure| io::Error::other(failure.why))?;
        arrived.drain(..count);
        all.extend(incoming);
        if count == 0 {
            return Ok(all);
        }
    }
}
// ANCHOR_END: answer
