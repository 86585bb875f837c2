//! Legs: connections that a demo opens to itself to pass on what came in at its public port. A TLS terminator does that.
//!
//! The bench has to know them: the cable acts on the first connection of a way only, and the wire view tells which
//! connection lies in which. So a demo binds the socket of a leg, enters its address here, and then connects.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The legs that are open now: the bench and the demo find the same ones in [`Site::shared`](crate::Site::shared).
#[derive(Clone, Debug, Default)]
pub struct Legs(Arc<Mutex<HashMap<SocketAddr, SocketAddr>>>);

impl Legs {
    /// Enters a leg by the address of its near end. `first`: the far end of the connection that it passes on, as the demo
    /// sees it.
    pub fn enter(&self, near: SocketAddr, first: SocketAddr) -> Leg {
        self.map().insert(near, first);
        Leg { legs: self.clone(), near }
    }

    /// What the connection from this address passes on, if it is a leg.
    pub fn first(&self, near: SocketAddr) -> Option<SocketAddr> {
        self.map().get(&near).copied()
    }

    fn map(&self) -> MutexGuard<'_, HashMap<SocketAddr, SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry in [`Legs`], until it is dropped.
#[derive(Debug)]
pub struct Leg {
    legs: Legs,
    near: SocketAddr,
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.legs.map().remove(&self.near);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_known_until_it_is_dropped() {
        let legs = Legs::default();
        let (near, first) = (([127, 0, 0, 1], 5001).into(), ([127, 0, 0, 1], 5000).into());
        let leg = legs.enter(near, first);
        assert_eq!((legs.first(near), legs.first(first)), (Some(first), None));
        drop(leg);
        assert_eq!(legs.first(near), None);
    }
}
