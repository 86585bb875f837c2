//! Machinery: a report of the probe server for an experiment in this program. Through a cable that drips, the report would
//! take longer than the experiment, so it does not go over the connection.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// A report, or the sentence that says why there is none.
pub type Report = Result<Value, String>;

/// The experiments that wait for a report, by their token.
#[derive(Default)]
pub struct Reports(Mutex<(u64, BTreeMap<String, Sender<Report>>)>);

impl Reports {
    /// An experiment that waits from now on.
    pub fn expect(self: Arc<Self>) -> Expected {
        let (sender, receiver) = channel();
        let token = {
            let mut state = self.state();
            state.0 += 1;
            let token = format!("run{}", state.0);
            state.1.insert(token.clone(), sender);
            token
        };
        Expected { reports: self, token, receiver }
    }

    /// Hands a report to the experiment that waits for it. Gives it back when there is none.
    ///
    /// # Errors
    /// The report itself.
    pub fn hand_over(&self, token: &str, report: Report) -> Result<(), Report> {
        let waiting = self.state().1.remove(token);
        match waiting {
            Some(sender) => sender.send(report).map_err(|unsent| unsent.0),
            None => Err(report),
        }
    }

    fn state(&self) -> MutexGuard<'_, (u64, BTreeMap<String, Sender<Report>>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An experiment that waits for its report. However it ends, it waits no longer then.
pub struct Expected {
    reports: Arc<Reports>,
    /// The word by which the probe server knows it.
    pub token: String,
    receiver: Receiver<Report>,
}

impl Expected {
    /// Waits for the report.
    ///
    /// # Errors
    /// When it did not come in time.
    pub fn wait(&self, timeout: Duration) -> Result<Report, RecvTimeoutError> {
        self.receiver.recv_timeout(timeout)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.reports.state().1.remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_that_fails_leaves_no_token_behind() {
        let reports = Arc::new(Reports::default());
        let (one, other) = (reports.clone().expect(), reports.clone().expect());
        assert_ne!(one.token, other.token);
        let token = one.token.clone();
        drop(one);
        assert!(reports.hand_over(&token, Ok(Value::Null)).is_err());
        assert!(reports.hand_over(&other.token.clone(), Ok(Value::Null)).is_ok());
        assert_eq!(other.wait(Duration::from_secs(20)), Ok(Ok(Value::Null)));
    }
}
