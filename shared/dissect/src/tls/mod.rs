//! TLS: records, and what can be read of them without the keys (RFC 8446 and RFC 5246).

mod hello;
mod names;
pub mod records;
