//! Stage machinery: not the lesson. The page's own server, and what stands in for Flash Player, which no browser runs any
//! more.

pub mod bridge;
pub mod page;
pub mod ruffle;
