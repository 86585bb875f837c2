//! Second readings: other lessons of the same demo, and the servers around its experiments.

pub mod control_port;
pub mod events;
pub mod kernel;
pub mod life;
pub mod probe;
pub mod udp;
mod writer;

pub use writer::{ClientWriter, lock};
