//! What makes compressed messages readable for the wire view. The bench can't inflate: that would make every demo's first build
//! longer, and one demo needs it. So that demo brings it along, as a value that its bench finds in [`Site::shared`](crate::Site).

use std::sync::OnceLock;

/// Unpacks the messages of one direction: given the next bytes of a message, without their mask, and whether they are the last,
/// it gives what they say, as far as it can be told by now. `None`: it can't be told, of this message and those behind it.
pub type Unpack = Box<dyn FnMut(&[u8], bool) -> Option<Vec<u8>> + Send>;

/// Makes one for a direction of a WebSocket: given `Sec-WebSocket-Extensions` of the answer, and whether the client sends.
pub type MakeUnpack = fn(&str, bool) -> Option<Unpack>;

/// Unpacks header fields of one direction of HTTP/2 (HPACK): given a block, it gives the length of what stands in front, and the
/// field that this is, if it is one.
pub type UnpackFields = Box<dyn FnMut(&[u8]) -> Option<(usize, Option<(String, String)>)> + Send>;

/// The demo's own way, if it has one.
#[derive(Default)]
pub struct Unpackers(OnceLock<MakeUnpack>, OnceLock<fn() -> UnpackFields>);

impl Unpackers {
    /// Called by a demo when it begins to serve.
    pub fn set(&self, make: MakeUnpack) {
        let _again = self.0.set(make); // a server that is started again sets the same
    }

    /// The same for header fields.
    pub fn set_fields(&self, make: fn() -> UnpackFields) {
        let _again = self.1.set(make);
    }

    /// An unpacker for the header fields of one direction.
    pub fn make_fields(&self) -> Option<UnpackFields> {
        self.1.get().map(|make| make())
    }

    /// An unpacker for what both ends agreed on.
    pub fn make(&self, extensions: &str, up: bool) -> Option<Unpack> {
        self.0.get().and_then(|make| make(extensions, up))
    }
}
