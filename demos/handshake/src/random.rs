//! Numbers that nobody can guess, from the standard library alone.

use std::hash::{BuildHasher, RandomState};

/// A source of numbers that nobody can guess.
///
/// RFC 6455 asks for them twice: a fresh key for each handshake (4.1) and for each masked frame, from "a strong source
/// of entropy" and such that one key does not betray the next (5.3, 10.3). The standard library has no random numbers,
/// but each of its hash maps starts from 128 bits that the operating system drew. [`RandomState`] is these bits, and a
/// keyed hash (SipHash) of 0, 1, 2, ... is the rest: without the bits, no number tells another. A library would ask the
/// crate `getrandom`; for bank keys, so should you.
#[derive(Default)]
pub struct Random {
    secret: RandomState,
    count: u64,
}

impl Random {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.count += 1;
        self.secret.hash_one(self.count)
    }

    /// The next four bytes: a masking key.
    pub fn four(&mut self) -> [u8; 4] {
        (self.draw() as u32).to_ne_bytes()
    }

    /// The next sixteen bytes: a handshake's key, before base64.
    pub fn sixteen(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.draw().to_ne_bytes());
        bytes[8..].copy_from_slice(&self.draw().to_ne_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_numbers_are_the_same() {
        let (mut one, mut other) = (Random::default(), Random::default());
        let drawn: std::collections::HashSet<_> = (0..1_000).flat_map(|_| [one.sixteen(), other.sixteen()]).collect();
        assert_eq!(drawn.len(), 2_000);
    }
}
