//! What went over the connections: kept by the tap, decoded by the trace, printed by the terminal.

pub mod tap;
pub mod terminal;
pub mod trace;
