//! A second reading: the life of one connection, from the first handshake to the last
//! acknowledgement.
//!
//! The client end and the server end (which the probe server accepts) both live in this program, so
//! that the page can let each of them speak, finish, or break off. Meanwhile the kernel is asked
//! again and again in which state each end is.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::SockRef;

use super::kernel;

/// How many connections are watched at once, and how long each: TIME-WAIT alone takes a minute on
/// Linux.
const MAX_LIVES: usize = 32;
const MAX_AGE: Duration = Duration::from_secs(180);

/// How many entries a story has at most.
const MAX_STORY: usize = 200;

/// The kernel is asked this often right after something was done, and later.
const OFTEN: Duration = Duration::from_millis(2);
const SELDOM: Duration = Duration::from_millis(30);

/// An end looks this often for bytes that have arrived.
const LOOK: Duration = Duration::from_millis(10);

/// Each wait for the other side ends after this time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The connections that pages watch, by the key of the tab. All servers of the demo share it.
#[derive(Default)]
pub struct Lives(Mutex<BTreeMap<String, Arc<Mutex<Life>>>>);

/// One connection that a page watches.
struct Life {
    born: Instant,
    touched: Instant,
    client: Option<TcpStream>,
    server: Option<TcpStream>,
    addresses: (SocketAddr, SocketAddr),
    states: kernel::Ends,
    /// Why the kernel can't be asked here.
    unavailable: Option<String>,
    story: Vec<Value>,
    /// Nothing more will happen.
    over: bool,
}

/// Opens a connection to the probe server, in place of an earlier one of this tab.
///
/// # Errors
/// When the connection fails, or too many are watched already.
pub fn open(lives: &Lives, tab: &str, probe: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&probe, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let client = stream.local_addr()?;
    let life = Arc::new(Mutex::new(Life::new(stream.try_clone()?, client, probe)));
    lock(&life).tell("connect() has returned: SYN, SYN+ACK, ACK (the three-way handshake)");
    lives.insert(tab, &life).map_err(io::Error::other)?;
    stream.write_all(format!("life {}\n", client.port()).as_bytes())?;

    let watched = life.clone();
    net::on_a_thread(move || watch(&watched));
    net::on_a_thread(move || hear(stream, &life, "the client"));
    Ok(())
}

/// Serves the server end, on the thread of its connection. The client says which connection it is
/// by its own port: through the front door, the server sees another one.
///
/// # Errors
/// When that connection is not watched.
pub fn serve_end(stream: &TcpStream, lives: &Lives, client_port: &str) -> io::Result<()> {
    let life = client_port.parse().ok().and_then(|port| lives.find(port));
    let life = life.ok_or_else(|| io::Error::other("there is no connection of that number"))?;
    lock(&life).server = Some(stream.try_clone()?);
    hear(stream.try_clone()?, &life, "the server");
    while !lock(&life).over {
        thread::sleep(SELDOM); // this end stays open until it is told to close
    }
    Ok(())
}

/// Does one thing to one end.
fn act(life: &mut Life, what: &str) -> Result<(), String> {
    let (end, name) = match what.strip_prefix("server") {
        Some(_) => (life.server.as_ref(), "server"),
        None => (life.client.as_ref(), "client"),
    };
    let Some(mut end) = end else { return Err(format!("The {name}'s end is closed.")) };
    let (done, words) = match what {
        "client-says" | "server-says" => {
            (end.write_all(format!("the {name} speaks\n").as_bytes()), "writes a line")
        }
        // ANCHOR: ends
        // FIN says: nothing more comes from here. The other direction stays open.
        "client-fin" | "server-fin" => (end.shutdown(Shutdown::Write), "finishes: FIN"),
        "reset" => {
            // With a linger time of zero, closing aborts: RST (RFC 9293, 3.10.5).
            let done = SockRef::from(end).set_linger(Some(Duration::ZERO));
            life.client = None;
            (done, "breaks off: RST")
        }
        // ANCHOR_END: ends
        _ => {
            return Err("do is open, client-says, server-says, client-fin, server-fin or reset."
                .to_string());
        }
    };
    life.touched = Instant::now();
    match done {
        Ok(()) => life.tell(&format!("the {name} {words}")),
        Err(error) => life.tell(&format!("the {name} can't: {error}")),
    }
    Ok(())
}

/// Reads on one end until there is nothing more to come. It looks instead of waiting: a read that
/// runs into a time limit may leave a socket on Windows in no state to go on with.
fn hear(mut end: TcpStream, life: &Mutex<Life>, who: &str) {
    let mut bytes = [0; 256];
    let _ = end.set_nonblocking(true);
    loop {
        let got = end.read(&mut bytes);
        let mut life = lock(life);
        match got {
            Ok(0) => {
                return life.tell(&format!("{who} reads the end: the other side has finished"));
            }
            Ok(length) => {
                let words = String::from_utf8_lossy(&bytes[..length]).trim().to_string();
                life.tell(&format!("{who} reads {words:?}"));
            }
            Err(error) if !net::is_timeout(&error) => {
                return life.tell(&format!("{who} reads an error: {error}"));
            }
            Err(_) if life.over || (who == "the client" && life.client.is_none()) => return,
            Err(_) => {}
        }
        drop(life);
        thread::sleep(LOOK);
    }
}

/// Asks the kernel for the states of both ends, until it knows neither any more.
fn watch(life: &Mutex<Life>) {
    let (client, server) = lock(life).addresses;
    loop {
        let asked = Instant::now();
        let states = kernel::states(client, server); // without the lock: it may take a while
        let cost = asked.elapsed();
        let pause = {
            let mut life = lock(life);
            let at = life.age();
            match states {
                _ if life.over => return,
                _ if life.touched > asked => {} // something was done meanwhile: ask again
                _ if life.born.elapsed() > MAX_AGE => return life.end(),
                Ok(states) if states != life.states => {
                    life.states = states;
                    life.story.push(json!({ "at": at, "client": states.0, "server": states.1 }));
                    if states == (None, None) {
                        return life.end();
                    }
                }
                Ok(_) => {}
                Err(why) => life.unavailable = Some(why),
            }
            if life.touched.elapsed() < Duration::from_millis(300) { OFTEN } else { SELDOM }
        };
        thread::sleep(pause.max(cost * 2)); // the machine has other things to do, too
    }
}

impl Lives {
    /// Does one thing to one end of this tab's connection.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn act(&self, tab: &str, what: &str) -> Result<(), String> {
        let life = lock(&self.0).get(tab).cloned().ok_or("There is no connection: open one.")?;
        act(&mut lock(&life), what)
    }

    /// What happened to this tab's connection until now.
    pub fn story(&self, tab: &str) -> Value {
        let Some(life) = lock(&self.0).get(tab).cloned() else { return Value::Null };
        let life = lock(&life);
        let (client, server) = life.addresses;
        json!({ "client": client.to_string(), "server": server.to_string(), "story": life.story, "over": life.over,
            "unavailable": life.unavailable })
    }

    /// Takes this connection for the tab, and ends the one that it had before.
    fn insert(&self, tab: &str, life: &Arc<Mutex<Life>>) -> Result<(), &'static str> {
        let mut lives = lock(&self.0);
        lives.retain(|other, life| other == tab || lock(life).born.elapsed() < MAX_AGE);
        if lives.len() >= MAX_LIVES && !lives.contains_key(tab) {
            return Err("all places are taken; try again in three minutes");
        }
        if let Some(earlier) = lives.insert(tab.to_string(), life.clone()) {
            lock(&earlier).end();
        }
        Ok(())
    }

    fn find(&self, client_port: u16) -> Option<Arc<Mutex<Life>>> {
        lock(&self.0).values().find(|life| lock(life).is_of(client_port)).cloned()
    }
}

impl Life {
    fn new(end: TcpStream, client: SocketAddr, server: SocketAddr) -> Self {
        Life {
            born: Instant::now(),
            touched: Instant::now(),
            client: Some(end),
            server: None,
            addresses: (client, server),
            states: (None, None),
            unavailable: None,
            story: Vec::new(),
            over: false,
        }
    }

    /// Whether it lives, its client has this port, and its server end has not come yet.
    fn is_of(&self, client_port: u16) -> bool {
        !self.over && self.server.is_none() && self.addresses.0.port() == client_port
    }

    /// Closes both ends.
    fn end(&mut self) {
        self.over = true;
        (self.client, self.server) = (None, None);
    }

    /// Milliseconds since it began.
    fn age(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }

    fn tell(&mut self, did: &str) {
        if self.story.len() < MAX_STORY {
            self.story.push(json!({ "at": self.age(), "did": did }));
        }
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_tab_that_opens_two_connections_at_once_has_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (lives, probe) = (Lives::default(), listener.local_addr().unwrap());
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| open(&lives, "tab", probe).unwrap());
            }
        });
        // Seven of the eight connections end; the last one stays.
        let mut ends: Vec<TcpStream> = (0..8).map(|_| listener.accept().unwrap().0).collect();
        let story = lives.story("tab");
        ends.retain(|end| end.peer_addr().unwrap().to_string() != story["client"]);
        assert_eq!((ends.len(), &story["over"]), (7, &json!(false)));
        for mut end in ends {
            end.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            end.read_to_end(&mut Vec::new()).expect("its client has closed it");
        }
    }
}
