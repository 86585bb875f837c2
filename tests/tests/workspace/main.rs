//! What the workspace promises of itself: indexes that are true, commands that work, chapters with all their parts, and texts
//! short enough to be read.

mod book;
mod budget;
mod cargo;
mod new_demo;
mod readme;
mod together;
