//! Machinery: the packets that wait for a transport, and how much memory all sessions together may spend on what waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frames::message::DataMessage;

use crate::engine::Packet;

/// What each packet costs besides its text, in bytes: its place in the queue.
const PLACE: usize = 64;

/// How many bytes may wait in all sessions together.
#[derive(Debug)]
pub struct Allowance(AtomicUsize);

impl Allowance {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Allowance(AtomicUsize::new(bytes)))
    }

    /// How many bytes are left of it.
    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A share of the budget. It goes back when this is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Allowance>,
    limit: usize,
    bytes: usize,
}

impl Share {
    /// Nothing yet, and `limit` bytes at most.
    pub fn new(budget: Arc<Allowance>, limit: usize) -> Self {
        Share { budget, limit, bytes: 0 }
    }

    /// Takes so many bytes more; `false` when that would be too much.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = &self.budget.0;
        let fits = self.bytes + bytes <= self.limit
            && left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
                .is_ok();
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    /// Gives all of it back.
    pub fn give_back(&mut self) {
        self.budget.0.fetch_add(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// The packets that wait.
#[derive(Debug)]
pub struct Queue {
    packets: VecDeque<Packet>,
    share: Share,
}

impl Queue {
    /// An empty queue that may grow to `limit` bytes.
    pub fn new(budget: Arc<Allowance>, limit: usize) -> Self {
        Queue { packets: VecDeque::new(), share: Share::new(budget, limit) }
    }

    /// Puts a packet behind the others; `false` when there is no room for it.
    pub fn push(&mut self, packet: Packet) -> bool {
        let length = match &packet {
            Packet::Message(DataMessage::Text(text)) => text.len(),
            Packet::Message(DataMessage::Binary(bytes)) => bytes.len(),
            _ => 0,
        };
        let fits = self.share.take(PLACE + length);
        if fits {
            self.packets.push_back(packet);
        }
        fits
    }

    /// Takes all of them.
    pub fn take(&mut self) -> Vec<Packet> {
        self.share.give_back();
        std::mem::take(&mut self.packets).into()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Packet {
        Packet::Message(DataMessage::Text("x".repeat(length)))
    }

    #[test]
    fn a_queue_has_a_limit_and_all_queues_have_one_together() {
        let budget = Allowance::new(1_000);
        let (mut one, mut other) =
            (Queue::new(budget.clone(), 600), Queue::new(budget.clone(), 600));
        assert!(one.push(text(600 - PLACE)) && !one.push(Packet::Noop));
        assert!(!other.push(text(500)) && other.push(text(400 - PLACE)));
        assert_eq!(one.take().len(), 1);
        drop((one, other));
        assert_eq!(budget.left(), 1_000, "all of it has come back");
    }
}
