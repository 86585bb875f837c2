//! How much one member may ask for: some at once, then so many a second. The field calls it a token bucket.

use std::time::{Duration, Instant};

/// How many events a member may send at once.
pub const AT_ONCE: f64 = 20.0;

/// How many it may send each second after that.
pub const PER_SECOND: f64 = 5.0;

/// A member that goes on all the same, this many times in a row, is told to go.
pub const WARNINGS: u32 = 100;

/// What one member has left.
pub struct Flood {
    left: f64,
    at: Instant,
    /// How many times in a row it was told to wait.
    pub warned: u32,
}

impl Flood {
    /// With all that a member may have.
    pub fn new(now: Instant) -> Self {
        Flood { left: AT_ONCE, at: now, warned: 0 }
    }

    // ANCHOR: flood
    /// Takes one. When none is left: how long until there is one again.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * PER_SECOND).min(AT_ONCE);
        self.at = now;
        if self.left < 1.0 {
            self.warned += 1;
            return Err(Duration::from_secs_f64((1.0 - self.left) / PER_SECOND));
        }
        self.left -= 1.0;
        self.warned = 0;
        Ok(())
    }
    // ANCHOR_END: flood
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_at_once_and_then_five_a_second() {
        let start = Instant::now();
        let mut flood = Flood::new(start);
        for _ in 0..20 {
            assert_eq!(flood.take(start), Ok(()));
        }
        assert_eq!(flood.take(start), Err(Duration::from_millis(200)));
        assert_eq!(flood.warned, 1);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..10).filter(|_| flood.take(later).is_ok()).count(), 5);
        let rested = later + Duration::from_secs(3_600);
        assert_eq!(
            (0..100).filter(|_| flood.take(rested).is_ok()).count(),
            20,
            "no more is saved up"
        );
    }
}
