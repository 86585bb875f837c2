//! Threads for requests: one that has just become free, or a new one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A thread that finds no more work within this time ends.
const IDLE: Duration = Duration::from_secs(5);

/// The stack of a thread, in bytes: plenty for a lesson, and a thousand of them can wait at once.
const STACK: usize = 128 * 1024;

type Work = Box<dyn FnOnce() + Send>;

/// A pool of threads without a limit: every piece of work has a thread to itself.
#[derive(Clone, Default)]
pub struct Pool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

/// For each piece of work in the queue there is an idle thread.
#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    idle: usize,
}

impl Pool {
    /// Runs `work`. When the machine has no thread left, `work` is dropped, and a tiny_http request in it answers 500 by
    /// itself.
    pub fn run(&self, work: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.queue.len() < state.idle {
            state.queue.push_back(Box::new(work));
            drop(state);
            return self.0.more.notify_one();
        }
        drop(state);
        let pool = self.clone();
        let started = thread::Builder::new().stack_size(STACK).spawn(move || {
            work();
            while let Some(more) = pool.next() {
                more();
            }
        });
        if let Err(error) = started {
            eprintln!("no thread for a request: {error}");
        }
    }

    /// Waits for work, for a while.
    fn next(&self) -> Option<Work> {
        let mut state = self.state();
        state.idle += 1;
        let waited = self.0.more.wait_timeout_while(state, IDLE, |state| state.queue.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        state.queue.pop_front()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
