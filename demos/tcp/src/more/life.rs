//! An experiment: the life of one connection, from the three-way handshake to the last acknowledgement.
//!
//! The client end and the server end (at the probe server) are both in this program, so that the page can let each of them
//! speak, finish, or break off; and the kernel is asked again and again in which state it sees them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use serde_json::{Value, json};
use socket2::SockRef;
use tiny_http::Request;

use crate::framing::PATIENCE;
use crate::more::kernel;

/// This many connections are watched at once, each for this time at most: TIME-WAIT alone takes a minute on Linux.
const MAX_LIVES: usize = 32;
const MAX_AGE: Duration = Duration::from_secs(180);

/// A story has this many entries at most.
const MAX_STORY: usize = 200;

/// Right after something was done the kernel is asked each 2 ms, and later each 30 ms.
const CLOSELY: Duration = Duration::from_millis(2);
const NOW_AND_THEN: Duration = Duration::from_millis(30);

/// One connection that is watched.
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

/// The connections that are watched, by the key of the tab that opened them.
#[derive(Default)]
pub struct Lives(Mutex<BTreeMap<String, Arc<Mutex<Life>>>>);

impl Lives {
    /// `POST /life?tab=KEY&do=WHAT`: `open`, then `client-says`, `server-says`, `client-fin`, `server-fin`, `reset`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the order, or why it failed.
    pub fn ordered(&self, request: &Request, site: &Site) -> Result<Value, String> {
        let tab = http::query_text(request, "tab").filter(|tab| (1..=40).contains(&tab.len()));
        let tab = tab.ok_or("tab is the key of a tab, 40 characters at most.")?;
        let what = http::query_text(request, "do").unwrap_or("");
        if what == "open" {
            self.open(tab, site.side_address("probe"))
                .map_err(|error| format!("The connection does not open: {error}"))?;
        } else {
            let life = self.find(tab).ok_or("There is no connection: open one.")?;
            act(&life, what)?;
        }
        Ok(self.story(tab))
    }

    /// What happened to this tab's connection so far.
    pub fn story(&self, tab: &str) -> Value {
        let Some(life) = self.find(tab) else { return Value::Null };
        let life = lock(&life);
        let (client, server) = life.addresses;
        json!({ "client": client.to_string(), "server": server.to_string(), "story": life.story, "over": life.over,
            "unavailable": life.unavailable })
    }

    /// The server end, on the thread of its connection.
    ///
    /// # Errors
    /// When no tab waits for it.
    pub fn serve(&self, stream: &TcpStream, tab: &str) -> io::Result<()> {
        let life =
            self.find(tab).ok_or_else(|| io::Error::other("no tab waits for this connection"))?;
        lock(&life).server = Some(stream.try_clone()?);
        read(stream.try_clone()?, &life, "the server");
        loop {
            let over = lock(&life).over;
            if over {
                return Ok(());
            }
            thread::sleep(NOW_AND_THEN); // this end stays open until it is told to close
        }
    }

    fn open(&self, tab: &str, server: SocketAddr) -> io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let life = Arc::new(Mutex::new(Life {
            born: Instant::now(),
            touched: Instant::now(),
            client: Some(stream.try_clone()?),
            server: None,
            addresses: (stream.local_addr()?, server),
            states: (None, None),
            unavailable: None,
            story: Vec::new(),
            over: false,
        }));
        lock(&life).tell("connect() has returned: SYN, SYN+ACK and ACK have gone to and fro (the three-way handshake)");
        self.keep(tab, &life)?;
        stream.write_all(format!("life {tab}\n").as_bytes())?;

        let watched = life.clone();
        net::on_a_thread(move || watch(&watched));
        net::on_a_thread(move || read(stream, &life, "the client"));
        Ok(())
    }

    /// Gives a life its place; the one that the tab had before loses it.
    fn keep(&self, tab: &str, life: &Arc<Mutex<Life>>) -> io::Result<()> {
        let mut lives = self.lives();
        lives.retain(|_, life| lock(life).born.elapsed() < MAX_AGE);
        if lives.len() >= MAX_LIVES && !lives.contains_key(tab) {
            return Err(io::Error::other("all places are taken; try again in three minutes"));
        }
        if let Some(earlier) = lives.insert(tab.to_string(), life.clone()) {
            lock(&earlier).forget();
        }
        Ok(())
    }

    fn find(&self, tab: &str) -> Option<Arc<Mutex<Life>>> {
        self.lives().get(tab).cloned()
    }

    fn lives(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Mutex<Life>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// ANCHOR: act
/// Does one thing to one end.
fn act(life: &Mutex<Life>, what: &str) -> Result<(), String> {
    let mut life = lock(life);
    let (end, name) = match what.strip_prefix("server") {
        Some(_) => (life.server.as_ref(), "server"),
        None => (life.client.as_ref(), "client"),
    };
    let Some(end) = end else { return Err(format!("The {name}'s end is closed.")) };
    let (done, words) = match what {
        "client-says" | "server-says" => {
            ((&*end).write_all(format!("the {name} speaks\n").as_bytes()), "writes a line")
        }
        // FIN says: nothing more comes from here. The other direction stays open.
        "client-fin" | "server-fin" => (end.shutdown(Shutdown::Write), "finishes: FIN"),
        "reset" => {
            // With a linger time of zero, closing sends RST: forget it all, at once (RFC 9293, 3.10.5: ABORT).
            let done = SockRef::from(end).set_linger(Some(Duration::ZERO));
            life.client = None;
            (done, "breaks off: RST")
        }
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
// ANCHOR_END: act

/// Reads on one end, until there is nothing more to come.
fn read(mut end: TcpStream, life: &Mutex<Life>, who: &str) {
    let mut bytes = [0; 256];
    let _ = end.set_read_timeout(Some(NOW_AND_THEN));
    loop {
        let got = end.read(&mut bytes);
        let mut life = lock(life);
        match got {
            Ok(0) => return life.tell(&format!("{who} reads the end: the other has finished")),
            Ok(length) => {
                let words = String::from_utf8_lossy(&bytes[..length]).trim().to_string();
                life.tell(&format!("{who} reads {words:?}"));
            }
            Err(error)
                if net::is_timeout(&error)
                    && !life.over
                    && (who != "the client" || life.client.is_some()) => {}
            Err(error) if net::is_timeout(&error) => return, // lets go of the socket
            Err(error) => return life.tell(&format!("{who} reads an error: {error}")),
        }
    }
}

// ANCHOR: watch
/// Asks the kernel how both ends are, until it knows neither any more.
fn watch(life: &Mutex<Life>) {
    let (client, server) = lock(life).addresses;
    loop {
        let asked = Instant::now();
        let states = kernel::states(client, server); // without the lock: with many connections it takes a while
        let cost = asked.elapsed();
        let pause = {
            let mut life = lock(life);
            let at = life.age();
            match states {
                _ if life.over => return,
                _ if life.touched > asked => {} // something was done meanwhile: the answer may be older or newer
                _ if life.born.elapsed() > MAX_AGE => return life.forget(),
                Ok(states) if states != life.states => {
                    life.states = states;
                    life.story.push(json!({ "at": at, "client": states.0, "server": states.1 }));
                    if states == (None, None) {
                        return life.forget();
                    }
                }
                Ok(_) => {}
                Err(why) => life.unavailable = Some(why),
            }
            if life.touched.elapsed() < Duration::from_millis(300) { CLOSELY } else { NOW_AND_THEN }
        };
        thread::sleep(pause.max(cost * 2)); // with many connections the look itself takes long
    }
}
// ANCHOR_END: watch

impl Life {
    /// Lets go of both ends.
    fn forget(&mut self) {
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

fn lock(life: &Mutex<Life>) -> MutexGuard<'_, Life> {
    life.lock().unwrap_or_else(PoisonError::into_inner)
}
