//! HTTP/1.1 (RFC 9112): [`MessageFramer`] says where a message and its parts end, [`MessageHead`] what its head says.

mod fields;
mod framing;
mod head;
pub(crate) mod units;

pub use framing::{BodyEnd, MAX_HEAD, MessageFramer, MessagePart, body_end};
pub use head::{Malformed, MessageHead, MessageKind, absolute_form};
