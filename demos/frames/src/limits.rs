//! Machinery: how much memory a server spends on messages that have not arrived whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So much of each message is free, in bytes: the budget is for long ones, and short ones pass when it is spent.
const FREE: usize = 64 * 1024;

/// How many bytes the long messages of all connections together may take.
#[derive(Debug)]
pub struct Budget(AtomicUsize);

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Budget(AtomicUsize::new(bytes)))
    }
}

/// What one connection may hold.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest message, in bytes.
    pub longest: usize,
    /// The budget that it shares with others, if it does.
    pub budget: Option<Arc<Budget>>,
}

impl From<usize> for Limits {
    fn from(longest: usize) -> Self {
        Limits { longest, budget: None }
    }
}

/// What one connection has taken of the budget. It goes back when this is dropped.
pub(crate) struct Held {
    budget: Option<Arc<Budget>>,
    bytes: usize,
}

impl Held {
    pub(crate) fn nothing(limits: &Limits) -> Self {
        Held { budget: limits.budget.clone(), bytes: 0 }
    }

    /// Holds memory for `bytes` in all; `false` when the budget does not allow it.
    pub(crate) fn hold(&mut self, bytes: usize) -> bool {
        let Some(budget) = &self.budget else { return true };
        let more = bytes.saturating_sub(FREE).saturating_sub(self.bytes);
        let taken = budget
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(more));
        self.bytes += if taken.is_ok() { more } else { 0 };
        taken.is_ok()
    }

    pub(crate) fn give_back(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if let (Some(budget), 1..) = (&self.budget, bytes) {
            budget.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_connections_share_one_budget_and_give_back_what_they_took() {
        let budget = Budget::new(1_000);
        let limits = Limits { longest: 1 << 20, budget: Some(budget.clone()) };
        let (mut one, mut other) = (Held::nothing(&limits), Held::nothing(&limits));
        assert!(one.hold(FREE + 600) && one.hold(FREE + 700), "it grows");
        assert!(!other.hold(FREE + 301));
        assert!(other.hold(FREE + 300) && other.hold(FREE));
        drop(one);
        assert!(other.hold(FREE + 1_000));
        other.give_back();
        assert_eq!(budget.0.load(Ordering::Relaxed), 1_000);
    }
}
