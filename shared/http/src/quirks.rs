//! What tiny_http 0.12 needs around it, and why. Each point goes away when a newer tiny_http does not need it.
//!
//! 1. A response is gathered in 8 KiB before it is sent: [`crate::Endless`] writes its own.
//! 2. The thread that accepts connections ends at the first failed accept, and by a panic when a socket can't be
//!    duplicated (no more open files): [`end_after_a_panic`], and [`crate::serve`] is called again.
//! 3. A body that was cut off reads like one that ended: [`crate::body`] compares its length.
//! 4. A request with `Connection: Upgrade` gets the raw stream for its body: [`crate::body`] reads its length, no more.
//! 5. A connection that was reset before tiny_http asked for its address ends its thread by a panic (`client.rs`). No other
//!    connection is concerned, so [`end_after_a_panic`] passes over it.
//! 6. Connections that come in together may wait for one another: `Site::request_came` tells the front door when the
//!    next one may come in.

use std::panic;
use std::sync::Arc;

/// Makes `recv` of this server fail when a thread of the process panics: it may have been the one that accepts
/// connections, and then nothing else would tell.
pub fn end_after_a_panic(server: &Arc<tiny_http::Server>) {
    let server = Arc::downgrade(server);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        let of_a_connection = info.location().is_some_and(|at| at.file().ends_with("client.rs"));
        if let (false, Some(server)) = (of_a_connection, server.upgrade()) {
            server.unblock();
        }
    }));
}
