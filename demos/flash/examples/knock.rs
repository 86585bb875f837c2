//! An answer to the tasks of the chapter: what a movie does, without the movie.
//!
//! Run    `cargo run -p flash`, and in another terminal `cargo run -p flash --example knock -- 127.0.0.1:8107`

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::exit;

fn main() {
    let server = std::env::args().nth(1).unwrap_or_else(|| {
        eprintln!("usage: cargo run -p flash --example knock -- 127.0.0.1:8107");
        exit(2);
    });
    if let Err(error) = policy(&server).and_then(|()| say(&server, "hello from a terminal")) {
        eprintln!("{server}: {error}");
        exit(1);
    }
}

// ANCHOR: policy
/// What Flash Player did first, on a connection of its own: it asked whose movies may connect.
///
/// This program is no player, so it need not ask. The policy file does not protect a server from
/// programs: it protects the servers that a user's machine can reach from foreign movies in that
/// user's browser.
fn policy(server: &str) -> io::Result<()> {
    let mut socket = TcpStream::connect(server)?;
    socket.write_all(b"<policy-file-request/>\0")?;
    println!("{}", receive(&mut BufReader::new(socket))?);
    Ok(())
}
// ANCHOR_END: policy

// ANCHOR: say
/// Then the messages, each with a zero byte behind it.
fn say(server: &str, text: &str) -> io::Result<()> {
    let mut socket = TcpStream::connect(server)?;
    let mut answers = BufReader::new(socket.try_clone()?);
    socket.write_all(b"after 0\0")?;
    println!("{}", receive(&mut answers)?);
    socket.write_all(format!("say key-1 {text}\0").as_bytes())?;
    loop {
        let answer = receive(&mut answers)?;
        println!("{answer}");
        if answer.starts_with("message ") && answer.ends_with(text) {
            return Ok(());
        }
    }
}

/// The next message: everything up to a zero byte, in one read or in several.
fn receive(answers: &mut impl BufRead) -> io::Result<String> {
    let mut message = Vec::new();
    answers.read_until(0, &mut message)?;
    if message.pop() != Some(0) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    String::from_utf8(message).map_err(|_| io::ErrorKind::InvalidData.into())
}
// ANCHOR_END: say
