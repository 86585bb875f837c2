//! TLS and `wss:`.

pub mod certificates;
pub mod sealed;
pub mod terminator;
