//! What waits to be written to one member: the queue between all who speak and the one thread that writes.
//!
//! It has a limit of its own. A member that reads too slowly loses its connection, and nobody else waits for it.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tungstenite::protocol::frame::coding::CloseCode;

/// How many bytes may wait for one member. As many again may be on their way to its socket.
pub const MAX_WAITING: usize = 256 * 1024;

/// What each message costs besides its text: its place in the queue.
const PLACE: usize = 64;

/// One thing to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// An event, as JSON: made once, shared by all who hear it.
    Text(Arc<str>),
    /// The answer to a ping, with the ping's payload (5.5.3).
    Pong(Vec<u8>),
    /// The Close frame: a code, if it has one, and a reason for people. Nothing follows it (5.5.1).
    Close(Option<CloseCode>, &'static str),
}

/// The queue.
#[derive(Default)]
pub struct Mailbox {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Default)]
struct Waiting {
    queue: Vec<Outgoing>,
    bytes: usize,
    /// Nothing more is taken: the last thing in the queue is a Close, or the connection is gone.
    over: bool,
}

impl Mailbox {
    /// One that takes nothing: its member is told to go at once.
    pub fn closed(code: CloseCode, why: &'static str) -> Self {
        let mailbox = Mailbox::default();
        mailbox.put(Outgoing::Close(Some(code), why));
        mailbox
    }

    // ANCHOR: put
    /// Puts something into the queue, and never waits. When too much lies there, all of it is
    /// dropped and the member is told to come again: what was said meanwhile is in the room's log.
    pub fn put(&self, outgoing: Outgoing) {
        let mut waiting = self.lock();
        if waiting.over {
            return;
        }
        waiting.over = matches!(outgoing, Outgoing::Close(..));
        waiting.bytes += PLACE + outgoing.len();
        waiting.queue.push(outgoing);
        if waiting.bytes > MAX_WAITING && !waiting.over {
            let why = "you read more slowly than the room talks; come back for the rest";
            waiting.queue = vec![Outgoing::Close(Some(CloseCode::Again), why)];
            waiting.over = true;
        }
        drop(waiting);
        self.news.notify_one();
    }

    /// Takes all that waits; sleeps until there is something, at most for `wait`, and returns
    /// nothing then. `None` when there is nothing more to come.
    pub fn take(&self, wait: Duration) -> Option<Vec<Outgoing>> {
        let nothing = |waiting: &mut Waiting| waiting.queue.is_empty() && !waiting.over;
        let waiting = self.news.wait_timeout_while(self.lock(), wait, nothing);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner).0;
        waiting.bytes = 0;
        let taken = mem::take(&mut waiting.queue);
        (!taken.is_empty() || !waiting.over).then_some(taken)
    }
    // ANCHOR_END: put

    /// The connection is gone: nothing is to be written any more.
    pub fn hang_up(&self) {
        *self.lock() = Waiting { over: true, ..Waiting::default() };
        self.news.notify_one();
    }

    /// Whether anything is still taken.
    pub fn is_open(&self) -> bool {
        !self.lock().over
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outgoing {
    fn len(&self) -> usize {
        match self {
            Outgoing::Text(text) => text.len(),
            Outgoing::Pong(payload) => payload.len(),
            Outgoing::Close(..) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn text(text: &str) -> Outgoing {
        Outgoing::Text(text.into())
    }

    #[test]
    fn what_was_put_in_is_taken_in_order_and_all_at_once() {
        let mailbox = Mailbox::default();
        assert_eq!(mailbox.take(NOW), Some(vec![]), "nothing yet");
        mailbox.put(text("one"));
        mailbox.put(Outgoing::Pong(vec![7]));
        assert_eq!(mailbox.take(NOW), Some(vec![text("one"), Outgoing::Pong(vec![7])]));
        assert_eq!(mailbox.take(NOW), Some(vec![]));
    }

    #[test]
    fn when_too_much_waits_all_of_it_is_dropped_and_the_close_code_is_1013() {
        let mailbox = Mailbox::default();
        let long = "x".repeat(1_000);
        let count = std::iter::repeat_with(|| mailbox.put(text(&long)))
            .take_while(|()| mailbox.is_open())
            .count();
        assert_eq!(count, MAX_WAITING / (1_000 + PLACE));
        mailbox.put(text("too late"));
        let taken = mailbox.take(NOW).unwrap();
        assert!(matches!(taken[..], [Outgoing::Close(Some(CloseCode::Again), _)]), "{taken:?}");
        assert_eq!(mailbox.take(NOW), None);
    }

    #[test]
    fn what_was_taken_does_not_count() {
        let mailbox = Mailbox::default();
        for _ in 0..1_000 {
            mailbox.put(text(&"x".repeat(1_000)));
            assert_eq!(mailbox.take(NOW).map(|taken| taken.len()), Some(1));
        }
        assert!(mailbox.is_open());
    }

    #[test]
    fn nothing_follows_a_close() {
        let mailbox = Mailbox::default();
        mailbox.put(text("before"));
        mailbox.put(Outgoing::Close(Some(CloseCode::Normal), ""));
        mailbox.put(text("behind"));
        assert_eq!(
            mailbox.take(NOW),
            Some(vec![text("before"), Outgoing::Close(Some(CloseCode::Normal), "")])
        );
        assert_eq!(mailbox.take(NOW), None);
    }

    #[test]
    fn who_waits_for_news_is_woken_when_the_connection_is_gone() {
        let mailbox = Arc::new(Mailbox::default());
        let waits = mailbox.clone();
        let writer = std::thread::spawn(move || waits.take(Duration::from_secs(60)));
        mailbox.hang_up();
        assert_eq!(writer.join().unwrap(), None);
    }
}
