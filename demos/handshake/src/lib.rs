//! The WebSocket opening handshake.
pub mod accept;
pub mod answer;
pub mod client;
pub mod random;
pub mod request;
