//! Chance that can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small random number generator (xorshift64*). The same seed gives the same numbers.
pub struct Random(u64);

impl Random {
    /// A new seed at each run, printed so that a failure can be repeated: `SEED=... cargo test ...`.
    pub fn seeded() -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let seed = given.unwrap_or(now);
        println!("to repeat this run: SEED={seed}");
        Random(seed | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}
