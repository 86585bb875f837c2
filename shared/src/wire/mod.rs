//! Captured bytes to named fields.

pub mod framing;
