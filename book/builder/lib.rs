//! What makes the book: mdBook with a preprocessor of our own, and a server that starts the demos.
//!
//! Run    `cargo run -p book`, then open <http://127.0.0.1:8000>
//! Text   `book/src`, one file for each chapter, named after its demo
//!
//! Nothing technical is typed into the text. Code comes from the crates by [`anchor`], bytes and numbers from what
//! [`recording`] and [`measured`] read, the demos are known from their own source ([`demos`]); [`preprocess`] puts them
//! in their places and fails the build when one is missing. [`serve`] shows the pages and, on this machine only, runs
//! the demos in them ([`runs`]).

pub mod anchor;
pub mod demos;
pub mod glossary;
pub mod lines;
pub mod measured;
pub mod minutes;
pub mod plot;
pub mod preprocess;
pub mod recording;
pub mod runs;
pub mod serve;
mod warnings;

use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_driver::errors::Result;

/// The workspace's root folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Builds the book into `to` and returns what mdBook warned of on the way.
///
/// # Errors
/// When something that the text asks for is missing, or a file can't be read or written.
pub fn build(to: &Path) -> Result<Vec<String>> {
    let warned = warnings::listen();
    let here = root().join("book");
    let mut config = Config::from_disk(here.join("book.toml"))?;
    config.build.build_dir = to.to_path_buf();
    let mut book = MDBook::load_with_config(here, config)?;
    // Takes the place of the command of this name in book.toml, which is the same preprocessor in a process of its own.
    book.with_preprocessor(preprocess::Bench);
    book.build()?;
    Ok(warned.take())
}
