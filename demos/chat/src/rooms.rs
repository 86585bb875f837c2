//! The rooms and who is in them. It knows no socket: a member is a name and a mailbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use handshake::request::Request;
use room::{Cursor, MAX_CHARS, News, Refused, Room};
use tungstenite::protocol::frame::coding::CloseCode;

use crate::events;
use crate::flood::Flood;
use crate::mailbox::{Mailbox, Outgoing};
use crate::names::{RULE, free, name, percent_decoded, same};

/// The room that is always there. Its log is the one that all demos of this workspace speak to.
pub const LOBBY: &str = "lobby";

/// How many messages the other rooms keep.
pub const HISTORY: usize = 100;

/// How many rooms there may be, how many members in one, and how many in all.
pub const MAX_ROOMS: usize = 50;
/// See [`MAX_ROOMS`].
pub const MAX_IN_ROOM: usize = 1_000;
/// See [`MAX_ROOMS`].
pub const MAX_MEMBERS: usize = 2_000;

/// An empty room is forgotten after this time. Its last member may have lost only its connection.
pub const EMPTY: Duration = Duration::from_secs(60);

/// All rooms, by name.
pub struct Rooms {
    rooms: Mutex<BTreeMap<String, Arc<ChatRoom>>>,
}

/// One room: a log of what was said, and the members who hear it.
struct ChatRoom {
    name: String,
    log: Arc<Room>,
    members: Mutex<Members>,
}

struct Members {
    list: Vec<Member>,
    joined: u64,
    empty_since: Instant,
}

struct Member {
    number: u64,
    name: String,
    tab: String,
    mailbox: Arc<Mailbox>,
}

/// What a client wants that connects.
#[derive(Default)]
pub struct Wish {
    /// The room.
    pub room: String,
    /// The name.
    pub name: String,
    /// A secret of this client: it shows that two connections are the same client's. May be empty.
    pub tab: String,
    /// Where it is in the room's log.
    pub cursor: Cursor,
}

impl Wish {
    /// As an address says it: `/?room=tea&name=ann&tab=5d0c1f2e&after=9f3c01d2-7`, all of it optional.
    pub fn of(request: &Request) -> Self {
        let value = |name| request.query(name).and_then(percent_decoded).unwrap_or_default();
        let cursor = value("after").parse().unwrap_or(Cursor::START);
        Wish { room: value("room"), name: value("name"), tab: value("tab"), cursor }
    }
}

/// A member's place in a room. It leaves the room when this is dropped.
pub struct Seat {
    room: Arc<ChatRoom>,
    number: u64,
    /// What waits to be written to this member.
    pub mailbox: Arc<Mailbox>,
    /// How much it may still ask for.
    pub flood: Flood,
}

impl Rooms {
    /// The lobby, with this log.
    pub fn new(log: Arc<Room>) -> Self {
        let lobby = ChatRoom::new(LOBBY, log);
        Rooms { rooms: Mutex::new(BTreeMap::from([(LOBBY.to_string(), lobby)])) }
    }

    // ANCHOR: join
    /// Takes a client into a room, which is made if there is none of that name. Returns what is to
    /// be written to the client first: its place, then the news that it has missed.
    ///
    /// # Errors
    /// A sentence that says what there is too much of.
    pub fn join(&self, wish: &Wish) -> Result<(Seat, String, News), &'static str> {
        let mut rooms = lock(&self.rooms);
        forget_empty(&mut rooms, EMPTY);
        let wanted = name(&wish.room).unwrap_or(LOBBY.to_string());
        if rooms.values().map(|room| room.members().list.len()).sum::<usize>() >= MAX_MEMBERS {
            return Err("there are too many members already");
        }
        if rooms.len() >= MAX_ROOMS && !rooms.contains_key(&wanted) {
            forget_empty(&mut rooms, Duration::ZERO); // their minute is over a little earlier
        }
        if rooms.len() >= MAX_ROOMS && !rooms.contains_key(&wanted) {
            return Err("there are too many rooms already");
        }
        let new = || ChatRoom::new(&wanted, Arc::new(Room::new(HISTORY)));
        rooms.entry(wanted.clone()).or_insert_with(new).join(wish)
    }
    // ANCHOR_END: join

    /// The names of the rooms.
    pub fn names(&self) -> Vec<String> {
        lock(&self.rooms).keys().cloned().collect()
    }
}

/// Forgets the rooms that have been empty for this long, with all that was said there. It is done when a client joins.
fn forget_empty(rooms: &mut BTreeMap<String, Arc<ChatRoom>>, after: Duration) {
    rooms.retain(|name, room| {
        let members = room.members();
        name == LOBBY || !members.list.is_empty() || members.empty_since.elapsed() < after
    });
}

impl ChatRoom {
    fn new(name: &str, log: Arc<Room>) -> Arc<Self> {
        let members = Members { list: Vec::new(), joined: 0, empty_since: Instant::now() };
        Arc::new(ChatRoom { name: name.to_string(), log, members: Mutex::new(members) })
    }

    // ANCHOR: take-seat
    fn join(self: &Arc<Self>, wish: &Wish) -> Result<(Seat, String, News), &'static str> {
        let mut members = self.members();
        // The same tab on an older connection: that one is dead, and the tab knows it.
        let older = |member: &Member| !wish.tab.is_empty() && member.tab == wish.tab;
        while let Some(at) = members.list.iter().position(older) {
            let why = "this tab has come back on another connection";
            members.list[at].mailbox.put(Outgoing::Close(Some(CloseCode::Normal), why));
            members.remove(at);
        }
        if members.list.len() >= MAX_IN_ROOM {
            return Err("this room is full");
        }
        let wanted = name(&wish.name).unwrap_or("guest".to_string());
        let name = free(&wanted, |name| members.at(name).is_some());
        members.tell_all(events::joined(&name));
        members.joined += 1;
        let (number, mailbox) = (members.joined, Arc::new(Mailbox::default()));
        let (tab, mailbox_too) = (wish.tab.clone(), mailbox.clone());
        members.list.push(Member { number, name: name.clone(), tab, mailbox: mailbox_too });
        // Still under the lock: what is said from now on is put into the mailbox, what was said
        // before is in this news. Nothing is in neither, and nothing in both.
        let news = self.log.since(wish.cursor);
        let names = members.list.iter().map(|member| member.name.as_str()).collect();
        let here = events::here(&news, &self.name, &name, names);
        let flood = Flood::new(Instant::now());
        Ok((Seat { room: self.clone(), number, mailbox, flood }, here, news))
    }
    // ANCHOR_END: take-seat

    fn members(&self) -> MutexGuard<'_, Members> {
        lock(&self.members)
    }
}

impl Members {
    /// Puts an event into every mailbox: the same text for all.
    fn tell_all(&self, event: String) {
        let text: Arc<str> = event.into();
        self.list.iter().for_each(|member| member.mailbox.put(Outgoing::Text(text.clone())));
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|member| same(&member.name, name))
    }

    fn remove(&mut self, at: usize) {
        let member = self.list.remove(at);
        self.empty_since = Instant::now();
        self.tell_all(events::left(&member.name));
    }
}

impl Seat {
    // ANCHOR: say
    /// Says something to the room: it is kept in the log, and put into every mailbox. What was said
    /// under this key before is not said again. Returns the message's id.
    ///
    /// # Errors
    /// A sentence that says why the room does not take it.
    pub fn say(&self, key: &str, text: &str) -> Result<u64, String> {
        let (members, me) = self.me()?;
        let last = self.room.log.last();
        let said = self.room.log.say_by(&members.list[me].name, key, text);
        let message = said.map_err(|refused| refused.to_string())?;
        if message.id > last {
            members.tell_all(events::message(&message));
        }
        Ok(message.id)
    }
    // ANCHOR_END: say

    /// Says something to one member, and to the one who says it. It is kept nowhere.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn say_privately(&self, to: &str, text: &str) -> Result<(), String> {
        let (members, me) = self.me()?;
        let chars = text.chars().count();
        if text.trim().is_empty() {
            return Err(Refused::Empty.to_string());
        }
        if chars > MAX_CHARS {
            return Err(Refused::TooLong(chars).to_string());
        }
        let to = members
            .at(to)
            .ok_or("No member has this name now: a private message is for one who is here.")?;
        let text: Arc<str> =
            events::private(&members.list[me].name, &members.list[to].name, text).into();
        for at in if to == me { vec![me] } else { vec![to, me] } {
            members.list[at].mailbox.put(Outgoing::Text(text.clone()));
        }
        Ok(())
    }

    /// Takes another name.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn rename(&self, wanted: &str) -> Result<(), String> {
        let new = name(wanted).ok_or(RULE)?;
        let (mut members, me) = self.me()?;
        if members.at(&new).is_some_and(|other| other != me) {
            return Err(format!("{new} is taken: choose another name."));
        }
        let old = std::mem::replace(&mut members.list[me].name, new.clone());
        members.tell_all(events::renamed(&old, &new));
        Ok(())
    }

    /// Tells the others that this member is writing something.
    ///
    /// # Errors
    /// When it has left.
    pub fn typing(&self) -> Result<(), String> {
        let (members, me) = self.me()?;
        let text: Arc<str> = events::typing(&members.list[me].name).into();
        for (_, other) in members.list.iter().enumerate().filter(|(at, _)| *at != me) {
            other.mailbox.put(Outgoing::Text(text.clone()));
        }
        Ok(())
    }

    /// The members, locked, and the place of this one among them.
    fn me(&self) -> Result<(MutexGuard<'_, Members>, usize), String> {
        let members = self.room.members();
        let me = members.list.iter().position(|member| member.number == self.number);
        me.map(|me| (members, me)).ok_or("This connection has left the room.".to_string())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Ok((mut members, me)) = self.me() {
            members.remove(me);
        }
    }
}

/// A lock is poisoned when a thread panicked with it in hand. Nothing here leaves a list half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn rooms() -> Rooms {
        Rooms::new(Arc::new(Room::new(10)))
    }

    fn join(rooms: &Rooms, room: &str, name: &str) -> Seat {
        let wish = Wish { room: room.to_string(), name: name.to_string(), ..Wish::default() };
        rooms.join(&wish).unwrap().0
    }

    /// What waits for a member, as JSON.
    fn told(seat: &Seat) -> Vec<Value> {
        let taken = seat.mailbox.take(Duration::ZERO).unwrap();
        let text = |outgoing| match outgoing {
            Outgoing::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        };
        taken.into_iter().map(text).collect()
    }

    #[test]
    fn a_message_is_heard_by_all_in_its_room_and_by_none_in_another() {
        let rooms = rooms();
        let (ann, bob) = (join(&rooms, "tea", "ann"), join(&rooms, "tea", "bob"));
        let eve = join(&rooms, "coffee", "eve");
        told(&ann);
        assert_eq!(ann.say("k", "hello"), Ok(1));
        assert_eq!(ann.say("k", "hello"), Ok(1), "a key is good for one message");
        for seat in [&ann, &bob] {
            let [message] = &told(seat)[..] else { panic!("one message, once") };
            assert_eq!((&message["by"], &message["text"]), (&"ann".into(), &"hello".into()));
        }
        assert!(told(&eve).is_empty());
    }

    #[test]
    fn a_name_is_unique_in_its_room_whatever_its_case() {
        let rooms = rooms();
        let ann = join(&rooms, "tea", "ann");
        let other = join(&rooms, "tea", "ANN");
        assert_eq!(told(&ann)[0]["name"], "ANN-2");
        assert!(other.rename("Ann").unwrap_err().contains("taken"));
        assert_eq!(other.rename("bob"), Ok(()));
        assert_eq!(ann.rename("Ann"), Ok(()), "one's own name may be written in another way");
        assert!(ann.rename("<b>").is_err());
    }

    #[test]
    fn a_private_message_is_heard_by_two_and_kept_nowhere() {
        let rooms = rooms();
        let (ann, bob, eve) =
            (join(&rooms, "", "ann"), join(&rooms, "", "bob"), join(&rooms, "", "eve"));
        [&ann, &bob, &eve].iter().for_each(|seat| drop(told(seat)));
        assert_eq!(ann.say_privately("bob", "psst"), Ok(()));
        assert_eq!((told(&ann).len(), told(&bob).len(), told(&eve).len()), (1, 1, 0));
        assert_eq!(ann.room.log.last(), 0);
        assert!(ann.say_privately("nobody", "psst").is_err());
        assert!(ann.say_privately("bob", " ").is_err());
        assert!(ann.say_privately("bob", &"x".repeat(1_001)).unwrap_err().contains("1001"));
    }

    #[test]
    fn an_empty_room_is_forgotten_after_its_minute_and_the_lobby_never() {
        let rooms = rooms();
        drop((join(&rooms, "tea", "ann"), join(&rooms, LOBBY, "ann")));
        forget_empty(&mut lock(&rooms.rooms), EMPTY);
        assert_eq!(rooms.names(), [LOBBY, "tea"], "the last member may come back");
        forget_empty(&mut lock(&rooms.rooms), Duration::ZERO);
        assert_eq!(rooms.names(), [LOBBY]);
    }

    #[test]
    fn there_are_no_more_rooms_than_the_limit_and_an_empty_one_makes_place() {
        let rooms = rooms();
        let mut seats: Vec<Seat> =
            (1..MAX_ROOMS).map(|n| join(&rooms, &format!("room {n}"), "ann")).collect();
        let one_more = Wish { room: "one more".to_string(), ..Wish::default() };
        assert!(rooms.join(&one_more).is_err());
        assert_eq!(rooms.names().len(), MAX_ROOMS);
        seats.pop();
        assert!(rooms.join(&one_more).is_ok());
        assert_eq!(rooms.names().len(), MAX_ROOMS);
    }

    #[test]
    fn there_are_no_more_members_in_a_room_and_in_all_than_the_limits() {
        let rooms = rooms();
        let mut seats: Vec<Seat> =
            (0..MAX_IN_ROOM).map(|n| join(&rooms, "", &format!("m{n}"))).collect();
        assert_eq!(rooms.join(&Wish::default()).err(), Some("this room is full"));
        let more = (MAX_IN_ROOM..MAX_MEMBERS).map(|n| join(&rooms, "tea", &format!("m{n}")));
        seats.extend(more);
        let third = Wish { room: "third".to_string(), ..Wish::default() };
        assert_eq!(rooms.join(&third).err(), Some("there are too many members already"));
    }

    #[test]
    fn a_tab_that_comes_back_takes_its_own_place() {
        let rooms = rooms();
        let wish =
            || Wish { name: "ann".to_string(), tab: "secret".to_string(), ..Wish::default() };
        let (dead, ..) = rooms.join(&wish()).unwrap();
        let (alive, here, _) = rooms.join(&wish()).unwrap();
        assert!(here.contains(r#""you":"ann""#), "{here}");
        assert!(!dead.mailbox.is_open());
        drop(dead);
        assert_eq!(
            alive.say("", "still here"),
            Ok(1),
            "the end of the old connection is not the end of the new one"
        );
    }
}
