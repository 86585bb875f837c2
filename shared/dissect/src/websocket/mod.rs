//! WebSocket (RFC 6455).

mod frame;
pub(crate) mod units;
mod unpacked;
