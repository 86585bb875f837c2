//! HTTP/2 (RFC 9113).

mod frame;
pub(crate) mod units;

/// Unpacks header fields of one direction (HPACK, RFC 7541): given a block, it gives the length of what stands in front, and the
/// field that this is; `None` in its place for a new size of the table. `None` instead of both when it can't tell any more.
pub type UnpackHeaders = Box<dyn FnMut(&[u8]) -> Option<(usize, Option<(String, String)>)> + Send>;
