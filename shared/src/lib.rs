//! Everything that is not a lesson.
//!
//! Every demo is the same small application, a [`room`] where anyone may say something and everyone hears it.
//! A demo brings one function, `serve(listener, room)`, which carries the room over one technique. [`run`] lays it on
//! the [`bench`](mod@bench):
//!
//! ```text
//! browser -- public port --> [ front door > tap > cable ] -- private port --> serve(listener, room)
//!                                    |
//!                                    +-- bench port: style, wire view, cable controls, counters
//! ```
//!
//! The front door holds the limits, the tap copies the bytes, the cable can be cut. [`wire`] turns the copied bytes into
//! named fields for the page, the terminal and the book. [`reply`] has the few answers over tiny_http that demos share.
//!
//! Not for production: one thread for each connection and direction, loopback first, no TLS, no logins.

pub mod bench;
mod demo;
pub mod reply;
pub mod room;
pub mod wire;

pub use demo::{Beside, Demo, Door, File, Page, run};
pub use room::{Gap, Message, News, Refused, Room};
