//! What the bench promises, whatever demo lies on it: limits at the front door, a cable that obeys, a feed that tells the truth,
//! a command line.

mod cable;
mod door;
mod feed;
mod proxy;
mod run;
