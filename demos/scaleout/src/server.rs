//! One server process: it carries the room over every technique, each on a port of its own.
//!
//! It is this very program, started with one word by the balancer's process. It tells that process what
//! happens, in lines of JSON on its standard output, and ends when its standard input does.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::{env, thread};

use bench::FrontDoor;
use demo::{Demo, Site, Speaks};
use room::Room;
use serde_json::{Value, json};

use crate::link::RedisAddress;
use crate::{TECHNIQUES, log};

/// The word with which this program is a server. Behind it: how many messages the room keeps.
pub const WORD: &str = "--server-process";

/// The variable with the address of Redis; without it the server has a room of its own. An address
/// may hold a password, and the words of a command line can be read by everyone on the machine.
pub const REDIS: &str = "SCALEOUT_REDIS";

/// The variable with the file of trusted certificates.
pub const REDIS_CA: &str = "SCALEOUT_REDIS_CA";

/// Runs the server until its standard input ends.
pub fn run() -> ExitCode {
    thread::spawn(|| {
        let _ended = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        exit(0);
    });
    let capacity = env::args().nth(2).and_then(|word| word.parse().ok()).unwrap_or(room::CAPACITY);
    let room = match env::var(REDIS) {
        Err(_) => Arc::new(Room::new(capacity)),
        Ok(url) => match url.parse::<RedisAddress>() {
            Ok(address) => {
                let ca = env::var_os(REDIS_CA).map_or(address.ca.clone(), Into::into);
                log::join(RedisAddress { ca, ..address }, capacity, tell_link)
            }
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        },
    };
    match listen(&room) {
        Ok(ports) => tell(&json!({ "ports": ports })),
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    loop {
        thread::park();
    }
}

fn tell_link(link: Result<(), &io::Error>) {
    tell(&match link {
        Ok(()) => json!({ "link": true }),
        Err(why) => json!({ "link": false, "why": why.to_string() }),
    });
}

/// Writes a line for the process that has started this one.
fn tell(line: &Value) {
    let mut out = io::stdout();
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush()); // then standard input ends, too
}

// ANCHOR: listen
/// Serves the room over every technique. Returns the port of each.
///
/// # Errors
/// When there is no free port.
pub fn listen(room: &Arc<Room>) -> io::Result<Value> {
    let ports = TECHNIQUES.map(|technique| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        serve(technique, listener, room.clone())?;
        Ok((technique.name.to_string(), json!(port)))
    });
    ports.into_iter().collect::<io::Result<_>>().map(Value::Object)
}
// ANCHOR_END: listen

/// Serves one technique, as the demo of its name does. What speaks plain HTTP lies behind a front door, which holds
/// the limits that tiny_http has not.
fn serve(technique: &'static Demo, listener: TcpListener, room: Arc<Room>) -> io::Result<()> {
    let site = Site::new(listener.local_addr()?);
    if technique.speaks == Speaks::Http {
        let door = FrontDoor::new(site)?;
        let proxy = door.serve(listener, move |listener, site| {
            (technique.serve)(listener, room.clone(), site)
        })?;
        std::mem::forget(proxy); // it stands until the process ends
        return Ok(());
    }
    thread::spawn(move || (technique.serve)(listener, room, Arc::new(site)));
    Ok(())
}
