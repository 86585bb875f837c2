//! What the page's buttons Stop and Listen again ask the server for. Not needed for the technique.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tiny_http::Request;

/// How many tabs are remembered.
const KEPT: usize = 100;

/// The longest key of a tab, in characters.
const MAX_KEY: usize = 40;

/// The tabs that asked for an end: their streams end, and their reconnects are answered 204.
#[derive(Default)]
pub struct Stopped(Mutex<VecDeque<String>>);

impl Stopped {
    /// Whether this tab asked for an end.
    pub fn has(&self, tab: &str) -> bool {
        self.tabs().iter().any(|other| other == tab)
    }

    /// Answers `POST /stop?tab=KEY`.
    pub fn stop(&self, request: Request) {
        let tab = tab(&request);
        if tab.is_empty() {
            return http::text(request, 400, "Which tab? Say ?tab=KEY.");
        }
        let mut tabs = self.tabs();
        tabs.retain(|other| *other != tab);
        tabs.push_back(tab);
        if tabs.len() > KEPT {
            tabs.pop_front();
        }
        drop(tabs);
        http::text(request, 200, "This tab's streams end.");
    }

    /// Answers `POST /resume?tab=KEY`.
    pub fn resume(&self, request: Request) {
        let tab = tab(&request);
        self.tabs().retain(|other| *other != tab);
        http::text(request, 200, "This tab may listen again.");
    }

    fn tabs(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of the tab that asks; empty when it does not say.
pub fn tab(request: &Request) -> String {
    http::query_text(request, "tab").unwrap_or("").chars().take(MAX_KEY).collect()
}
