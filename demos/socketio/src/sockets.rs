//! Socket.IO on top of a session: namespaces, rooms, events, acknowledgements both ways, and sockets that come back.
//!
//! A **socket** is one client in one namespace; a session may carry several. A **room** is a set of sockets on the server
//! side; each socket is in a room of its own, named by its id. The application is behind [`Application`].

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use frames::message::DataMessage;
use room::Cursor;
use serde_json::{Value, json};

use crate::options::Timing;
use crate::packets::{Kind, PacketDecoder, SocketPacket, Unreadable};
use crate::queue::Allowance;
use crate::session::{Session, Upper, new_id, reason};

/// The most rooms that one socket may be in, besides its own.
pub const MAX_ROOMS: usize = 10;

/// The most namespaces that one session may be in.
const MAX_NAMESPACES: usize = 5;

/// The most sockets that are remembered after they have lost their connection.
const MAX_AWAY: usize = 1_000;

/// What is built on sockets.
pub trait Application: Send + Sync {
    /// Whether a client with this `auth` may join a namespace.
    ///
    /// # Errors
    /// The message of the CONNECT_ERROR.
    fn admits(&self, namespace: &str, auth: &Value) -> Result<(), &'static str>;
    /// Whether sockets of this namespace may come back, and whether all that was sent after this offset can be told again.
    fn recovers(&self, namespace: &str, offset: Option<&str>) -> Option<Cursor>;
    /// A socket has connected, with the `auth` of its client; `recovered`: it has come back.
    fn connected(&self, io: &mut Io, id: &str, auth: &Value, recovered: bool);
    /// An event has come.
    fn event(&self, io: &mut Io, id: &str, event: Event);
    /// An event of the server was acknowledged, under this number.
    fn acknowledged(&self, io: &mut Io, id: &str, number: u64, answer: Value);
    /// A socket could take more.
    fn more(&self, io: &mut Io, id: &str);
    /// Called once a second or more often.
    fn tick(&self, io: &mut Io);
}

/// An event: a name, arguments in JSON, bytes.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// The arguments; placeholders stand for attachments.
    pub args: Vec<Value>,
    /// The attachments.
    pub attachments: Vec<Vec<u8>>,
    /// The number under which an answer is wanted.
    pub number: Option<u64>,
    /// It may be dropped when it can't be sent at once.
    pub volatile: bool,
}

impl Event {
    /// An event with one argument.
    pub fn new(name: &str, arg: Value) -> Self {
        Event { name: name.to_string(), args: vec![arg], ..Event::default() }
    }

    fn packet(self, namespace: &str) -> SocketPacket {
        let data = [Value::String(self.name)].into_iter().chain(self.args).collect();
        let packet = SocketPacket::new(Kind::Event, namespace, data);
        SocketPacket { id: self.number, attachments: self.attachments, ..packet }
    }
}

/// One client in one namespace.
pub struct Socket {
    session: Arc<Session>,
    /// The namespace.
    pub namespace: String,
    /// Known to this client only: with it, the socket may come back.
    pid: String,
    rooms: BTreeSet<String>,
    next_number: u64,
    /// Where the client is in the log.
    pub cursor: Cursor,
}

impl Socket {
    /// There is more for it: [`Application::more`].
    pub fn wake(&self) {
        self.session.wake();
    }
}

/// A socket that has lost its connection.
struct Away {
    id: String,
    namespace: String,
    rooms: BTreeSet<String>,
    since: Instant,
}

/// A session, as this layer sees it.
struct Connection {
    session: Arc<Session>,
    decoder: PacketDecoder,
    since: Instant,
    had_a_socket: bool,
    /// The sockets' ids, by namespace.
    sockets: HashMap<String, String>,
}

/// All that are connected.
#[derive(Default)]
pub struct Io {
    connections: HashMap<String, Connection>,
    sockets: HashMap<String, Socket>,
    away: HashMap<String, Away>,
}

impl Io {
    // ANCHOR: emit
    /// Sends an event to all sockets of a room, but for one: a broadcast. A socket's id is a room,
    /// too, and the empty name is everyone. Returns how many there are.
    pub fn emit(&self, namespace: &str, room: &str, but: &str, event: Event) -> usize {
        let volatile = event.volatile;
        let packets = event.packet(namespace).encode(); // once for all
        let hears = |(id, socket): &(&String, &Socket)| {
            socket.namespace == namespace
                && *id != but
                && (room.is_empty() || socket.rooms.contains(room))
        };
        let receivers = self.sockets.iter().filter(hears);
        receivers
            .map(|(_, socket)| match volatile {
                true => socket.session.send_or_drop(packets.clone()),
                false => socket.session.send(packets.clone()),
            })
            .count()
    }
    // ANCHOR_END: emit

    /// Sends an event to one socket.
    pub fn send(&self, id: &str, event: Event) {
        let namespace = self.sockets.get(id).map_or("", |socket| &socket.namespace);
        self.emit(namespace, id, "", event);
    }

    /// Sends an event that wants an answer. Returns the number under which it will come.
    pub fn ask(&mut self, id: &str, mut event: Event) -> u64 {
        let Some(socket) = self.sockets.get_mut(id) else { return 0 };
        socket.next_number += 1;
        let number = socket.next_number;
        event.number = Some(number);
        self.send(id, event);
        number
    }

    /// Answers an event, if an answer is wanted.
    pub fn answer(&self, id: &str, event: &Event, args: Vec<Value>) {
        if let (Some(socket), Some(_)) = (self.sockets.get(id), event.number) {
            let packet = SocketPacket::new(Kind::Ack, &socket.namespace, Value::Array(args));
            let attachments = event.attachments.clone(); // only an echo has any
            let packet = SocketPacket { id: event.number, attachments, ..packet };
            socket.session.send(packet.encode());
        }
    }

    /// Enters a room, or leaves it. Returns the rooms that the socket is in then, besides its own.
    pub fn enter(&mut self, id: &str, room: &str, enters: bool) -> Vec<String> {
        let Some(socket) = self.sockets.get_mut(id) else { return Vec::new() };
        match enters {
            true if socket.rooms.len() <= MAX_ROOMS => drop(socket.rooms.insert(room.to_string())),
            true => {}
            false if room == id => {}
            false => drop(socket.rooms.remove(room)),
        }
        socket.rooms.iter().filter(|room| *room != id).cloned().collect()
    }

    /// Whether the socket is in this room.
    pub fn is_in(&self, id: &str, room: &str) -> bool {
        self.sockets.get(id).is_some_and(|socket| socket.rooms.contains(room))
    }

    /// The ids of all sockets of a namespace.
    pub fn ids(&self, namespace: &str) -> Vec<String> {
        let here = self.sockets.iter().filter(|(_, socket)| socket.namespace == namespace);
        here.map(|(id, _)| id.clone()).collect()
    }

    /// A socket.
    pub fn socket(&mut self, id: &str) -> Option<&mut Socket> {
        self.sockets.get_mut(id)
    }

    /// Tells all sockets of a namespace that there is more for them.
    pub fn wake(&self, namespace: &str) {
        let here = self.sockets.values().filter(|socket| socket.namespace == namespace);
        here.for_each(|socket| socket.session.wake());
    }

    /// Disconnects a socket; its session goes on.
    pub fn disconnect(&mut self, id: &str) {
        if let Some(socket) = self.forget(id) {
            let packet = SocketPacket::new(Kind::Disconnect, &socket.namespace, Value::Null);
            socket.session.send(packet.encode());
        }
    }

    fn forget(&mut self, id: &str) -> Option<Socket> {
        let socket = self.sockets.remove(id)?;
        if let Some(connection) = self.connections.get_mut(&socket.session.id) {
            connection.sockets.remove(&socket.namespace);
        }
        Some(socket)
    }

    // ANCHOR: recovery
    /// A socket has lost its connection: it is kept in mind for a while.
    fn lose(&mut self, id: &str, app: &dyn Application) {
        let Some(Socket { namespace, pid, rooms, .. }) = self.forget(id) else { return };
        if app.recovers(&namespace, None).is_some() && self.away.len() < MAX_AWAY {
            let away = Away { id: id.to_string(), namespace, rooms, since: Instant::now() };
            self.away.insert(pid, away);
        }
    }

    /// The socket that a client says it had, if it may come back: with its id, its rooms, and its
    /// place in the log, from which all that it has missed will be told.
    fn come_back(
        &mut self,
        namespace: &str,
        auth: &Value,
        app: &dyn Application,
        timing: &Timing,
    ) -> Option<(Away, Cursor)> {
        let pid = auth["pid"].as_str()?;
        let cursor = app.recovers(namespace, Some(auth["offset"].as_str()?))?;
        let alive = self.sockets.iter().find(|(_, socket)| socket.pid == pid);
        if let Some((id, _)) =
            alive.map(|(id, socket)| (id.clone(), socket.session.close(reason::FORCED_CLOSE)))
        {
            self.lose(&id, app); // its old connection is dead, and the server had not noticed
        }
        let away = self.away.remove(pid)?;
        let in_time = away.since.elapsed() < timing.recovery && away.namespace == namespace;
        in_time.then_some((away, cursor))
    }
    // ANCHOR_END: recovery
}

/// The layer itself.
pub struct Sockets {
    io: Mutex<Io>,
    app: Arc<dyn Application>,
    timing: Timing,
    budget: Arc<Allowance>,
}

impl Sockets {
    /// For this application.
    pub fn new(app: Arc<dyn Application>, timing: Timing, budget: Arc<Allowance>) -> Self {
        Sockets { io: Mutex::default(), app, timing, budget }
    }

    /// One thread at a time: a shortcut, and its price is that no two events are handled at once.
    pub fn io(&self) -> MutexGuard<'_, Io> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what a packet asks for. `false`: it must not come here, so the connection ends.
    fn handle(&self, io: &mut Io, session: &Arc<Session>, packet: SocketPacket) -> bool {
        let connection = io.connections.get(&session.id);
        let id = connection.and_then(|own| own.sockets.get(&packet.namespace)).cloned();
        match (packet.kind, id) {
            (Kind::Connect, before) => {
                before.iter().for_each(|id| drop(io.forget(id))); // a new one takes its place
                self.connect(io, session, &packet);
            }
            (Kind::Disconnect, Some(id)) => drop(io.forget(&id)),
            (Kind::Event, Some(id)) => {
                let Value::Array(mut args) = packet.data else { return false };
                let name = args.remove(0).as_str().unwrap_or_default().to_string();
                let (attachments, number) = (packet.attachments, packet.id);
                let event = Event { name, args, attachments, number, volatile: false };
                self.app.event(io, &id, event);
            }
            (Kind::Ack, Some(id)) => {
                self.app.acknowledged(io, &id, packet.id.unwrap_or(0), packet.data);
            }
            (Kind::Disconnect, None) => {}
            _ => return false, // the first packet must be a CONNECT
        }
        true
    }

    /// A client joins a namespace ("Connection to a namespace").
    fn connect(&self, io: &mut Io, session: &Arc<Session>, packet: &SocketPacket) {
        let namespace = packet.namespace.as_str();
        let auth = if packet.data.is_null() { json!({}) } else { packet.data.clone() };
        let Some(connection) = io.connections.get(&session.id) else { return };
        let free = connection.sockets.len() < MAX_NAMESPACES;
        let admitted = self.app.admits(namespace, &auth);
        if let Err(why) = admitted.and(free.then_some(()).ok_or("Too many namespaces")) {
            let why = json!({ "message": why });
            return session.send(SocketPacket::new(Kind::ConnectError, namespace, why).encode());
        }
        let back = io.come_back(namespace, &auth, &*self.app, &self.timing);
        let recovered = back.is_some();
        let (id, pid, rooms, cursor) = match back {
            Some((away, cursor)) => {
                (away.id, auth["pid"].as_str().unwrap_or("").to_string(), away.rooms, cursor)
            }
            None => {
                let id = new_id();
                (id.clone(), new_id(), BTreeSet::from([id]), Cursor::START)
            }
        };
        let mut answer = json!({ "sid": id });
        if self.app.recovers(namespace, None).is_some() {
            answer["pid"] = json!(pid);
        }
        session.send(SocketPacket::new(Kind::Connect, namespace, answer).encode());
        let socket = Socket {
            session: session.clone(),
            namespace: namespace.to_string(),
            pid,
            rooms,
            next_number: 0,
            cursor,
        };
        io.sockets.insert(id.clone(), socket);
        if let Some(connection) = io.connections.get_mut(&session.id) {
            connection.had_a_socket = true;
            connection.sockets.insert(namespace.to_string(), id.clone());
        }
        self.app.connected(io, &id, &auth, recovered);
    }
}

impl Upper for Sockets {
    fn opened(&self, session: &Arc<Session>) {
        let connection = Connection {
            session: session.clone(),
            decoder: PacketDecoder::new(self.budget.clone(), self.timing.max_payload),
            since: Instant::now(),
            had_a_socket: false,
            sockets: HashMap::new(),
        };
        self.io().connections.insert(session.id.clone(), connection);
    }

    fn message(&self, session: &Arc<Session>, message: DataMessage) -> bool {
        let mut io = self.io();
        let Some(connection) = io.connections.get_mut(&session.id) else { return false };
        match connection.decoder.take(message) {
            Ok(Some(packet)) => self.handle(&mut io, session, packet),
            Ok(None) => true,
            Err(Unreadable) => false,
        }
    }

    fn more(&self, session: &Session) {
        let mut io = self.io();
        let Some(connection) = io.connections.get(&session.id) else { return };
        for id in connection.sockets.values().cloned().collect::<Vec<_>>() {
            self.app.more(&mut io, &id);
        }
    }

    fn closed(&self, session: &Session) {
        let mut io = self.io();
        let Some(connection) = io.connections.remove(&session.id) else { return };
        connection.sockets.values().for_each(|id| io.lose(id, &*self.app));
    }

    fn tick(&self) {
        let mut io = self.io();
        let timing = &self.timing;
        io.away.retain(|_, away| away.since.elapsed() < timing.recovery);
        for connection in io.connections.values() {
            let stuck = |since: Instant| since.elapsed() >= timing.attachment_timeout;
            let idle =
                !connection.had_a_socket && connection.since.elapsed() >= timing.connect_timeout;
            if idle || connection.decoder.waits_since().is_some_and(stuck) {
                connection.session.close(reason::FORCED_CLOSE);
            }
        }
        self.app.tick(&mut io);
    }
}
