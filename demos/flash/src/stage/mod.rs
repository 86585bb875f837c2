//! Stage machinery: not the lesson. What stands in for Flash Player, which no browser runs any more.

pub mod bridge;
pub mod ruffle;
