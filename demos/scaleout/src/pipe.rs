//! Machinery: bytes from one connection to another, both ways, and connections that can be ended together.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Carries bytes both ways until one side ends. A client that ends its side has gone: browsers do not close by half.
pub fn pipe(client: TcpStream, server: TcpStream) -> io::Result<()> {
    client.set_read_timeout(None)?; // its head was read with a time limit; now silence is allowed
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    net::spawn(move || {
        let _broken = io::copy(&mut &from, &mut &to);
        let _gone = to.shutdown(Shutdown::Both);
    })?;
    let copied = io::copy(&mut &server, &mut &client);
    let _gone = server.shutdown(Shutdown::Both);
    match copied {
        Ok(_) => net::close(&client),
        Err(error) => client.shutdown(Shutdown::Both).and(Err(error)),
    }
}

/// A number, both ends of a connection, and a word on it.
type Numbered<T> = (u64, [TcpStream; 2], T);

/// Connections that are open, each with both of its ends and a word on it.
pub struct OpenConnections<T>(Arc<Mutex<Vec<Numbered<T>>>>);

/// A connection among those that are open, until this is dropped.
pub struct OpenConnection<T> {
    all: OpenConnections<T>,
    number: u64,
}

impl<T> Default for OpenConnections<T> {
    fn default() -> Self {
        OpenConnections(Arc::default())
    }
}

impl<T> Clone for OpenConnections<T> {
    fn clone(&self) -> Self {
        OpenConnections(self.0.clone())
    }
}

impl<T> OpenConnections<T> {
    /// Adds one.
    ///
    /// # Errors
    /// When the process has no file left for it.
    pub fn add(&self, ends: [&TcpStream; 2], word: T) -> io::Result<OpenConnection<T>> {
        let ends = [ends[0].try_clone()?, ends[1].try_clone()?];
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.last().map_or(0, |(number, ..)| number + 1);
        all.push((number, ends, word));
        Ok(OpenConnection { all: self.clone(), number })
    }

    /// Ends those whose word is like this.
    pub fn end(&self, which: impl Fn(&T) -> bool) {
        for (_, ends, word) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            if which(word) {
                ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
            }
        }
    }

    /// What the words tell.
    pub fn map<R>(&self, tell: impl Fn(&T) -> Option<R>) -> Vec<R> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|(_, _, word)| tell(word)).collect()
    }
}

impl<T> Drop for OpenConnection<T> {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(number, ..)| *number != self.number);
    }
}

/// The way from one server to Redis, which can be split.
#[derive(Clone)]
pub struct Relay {
    /// Where the server finds it.
    pub address: SocketAddr,
    target: Arc<AtomicU16>,
    is_split: Arc<AtomicBool>,
    open: OpenConnections<()>,
}

impl Relay {
    /// A way to this port on this machine.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn to(port: u16) -> io::Result<Relay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let relay = Relay {
            address: listener.local_addr()?,
            target: Arc::new(port.into()),
            is_split: Arc::default(),
            open: OpenConnections::default(),
        };
        let carries = relay.clone();
        thread::spawn(move || {
            net::each_connection(&listener, move |stream| {
                let _refused = carries.carry(stream);
            })
        });
        Ok(relay)
    }

    fn carry(&self, stream: TcpStream) -> io::Result<()> {
        let redis = TcpStream::connect((Ipv4Addr::LOCALHOST, self.target.load(Ordering::Acquire)))?;
        stream.set_nodelay(true)?;
        redis.set_nodelay(true)?;
        let _open = self.open.add([&stream, &redis], ())?;
        if self.is_split() {
            return Ok(()); // looked at when it is among the open ones: a split ends those
        }
        pipe(stream, redis)
    }

    /// Leads to another port from now on.
    pub fn lead_to(&self, port: u16) {
        self.target.store(port, Ordering::Release);
    }

    /// Ends all connections and lets no new one through; or lets them through again.
    pub fn split(&self, split: bool) {
        self.is_split.store(split, Ordering::Release);
        if split {
            self.open.end(|()| true);
        }
    }

    /// Whether it is split.
    pub fn is_split(&self) -> bool {
        self.is_split.load(Ordering::Acquire)
    }
}
