//! Second readings: what the page needs, and three experiments. None of it is needed to understand the lesson.

pub mod control_port;
pub mod kernel;
pub mod life;
pub mod page_server;
pub mod probe;
pub mod reports;
pub mod udp;
pub mod writes;
