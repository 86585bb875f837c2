//! Streams without HTTP: messages with a border byte, messages with their length in front, and bytes of which no more is
//! known.

pub(crate) mod delimited;
pub(crate) mod length_prefixed;
pub(crate) mod opaque;
