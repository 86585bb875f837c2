//! A budget for frames that cost this end something and bring the client nothing (RFC 9113, 10.5).
//!
//! Each such frame is allowed. A flood of them is an attack: streams that are opened and reset at once (*rapid reset*,
//! CVE-2023-44487), pings and settings that want an answer each, frames without content.

use std::time::Instant;

use crate::frame::{ErrorCode, Violation};

/// The most at once.
pub const BURST: f64 = 200.0;

/// ... and what is added each second.
const PER_SECOND: f64 = 30.0;

/// What is left of the budget.
#[derive(Debug)]
pub struct Calm {
    left: f64,
    at: Instant,
}

impl Calm {
    /// The whole of it.
    pub fn new(now: Instant) -> Self {
        Calm { left: BURST, at: now }
    }

    /// Takes one. The budget fills up again with time, as a bucket under a tap does.
    ///
    /// # Errors
    /// ENHANCE_YOUR_CALM ends the connection when nothing is left.
    pub fn spend(&mut self, now: Instant) -> Result<(), Violation> {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        (self.left, self.at) = ((self.left + earned).min(BURST) - 1.0, now);
        if self.left < 0.0 {
            let why = "too many frames that only cost (10.5)";
            return Err(Violation::connection(ErrorCode::EnhanceYourCalm, why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_allowed_a_flood_is_not_and_time_fills_the_budget() {
        let start = Instant::now();
        let mut calm = Calm::new(start);
        for _ in 0..BURST as u32 {
            calm.spend(start).unwrap();
        }
        assert_eq!(calm.spend(start).unwrap_err().code, ErrorCode::EnhanceYourCalm);
        let mut calm = Calm::new(start);
        for second in 0..100 {
            let now = start + Duration::from_secs(second);
            (0..30).for_each(|_| calm.spend(now).unwrap());
        }
    }
}
