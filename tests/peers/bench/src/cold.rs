//! How long a learner waits before the first page: `cargo build` into an empty folder.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::median;

/// How often each is built.
const ROUNDS: usize = 3;

/// Seconds, and the crates that were compiled.
pub struct Cold {
    /// The demo.
    pub longpoll: f64,
    /// Hello on axum.
    pub axum: f64,
    /// The middle one of the rounds' ratios, `longpoll / axum`.
    pub ratio: f64,
    /// Crates compiled for the demo, its own two included.
    pub longpoll_crates: usize,
    /// Crates compiled for hello, its own included.
    pub axum_crates: usize,
}

/// Builds both in turns.
pub fn measure(root: &Path) -> io::Result<Cold> {
    let hello = root.join("tests/peers/axum-hello");
    // What has to be downloaded is downloaded before the clock starts.
    for folder in [root, &hello] {
        cargo(folder, &["fetch", "--locked"]).stderr(Stdio::null()).status()?;
    }
    let (mut longpoll, mut axum, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut longpoll_crates, mut axum_crates) = (0, 0);
    for round in 1..=ROUNDS {
        eprintln!("cold build, round {round} of {ROUNDS}");
        let (seconds, crates) = build(root, &["-p", "longpoll"])?;
        longpoll.push(seconds);
        longpoll_crates = crates;
        let (seconds, crates) = build(&hello, &[])?;
        axum.push(seconds);
        axum_crates = crates;
        ratios.push(longpoll[round - 1] / axum[round - 1]);
    }
    let (longpoll, axum, ratio) = (median(longpoll), median(axum), median(ratios));
    Ok(Cold { longpoll, axum, ratio, longpoll_crates, axum_crates })
}

fn build(folder: &Path, what: &[&str]) -> io::Result<(f64, usize)> {
    let target = std::env::temp_dir().join(format!("cold-build-{}", std::process::id()));
    let begun = Instant::now();
    let built = cargo(folder, &["build", "--locked"]).args(what).env("CARGO_TARGET_DIR", &target).output()?;
    let seconds = begun.elapsed().as_secs_f64();
    std::fs::remove_dir_all(&target)?;
    let log = String::from_utf8_lossy(&built.stderr);
    if !built.status.success() {
        return Err(io::Error::other(format!("no cold build in {}: {log}", folder.display())));
    }
    Ok((seconds, log.lines().filter(|line| line.trim_start().starts_with("Compiling ")).count()))
}

fn cargo(folder: &Path, words: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).args(words);
    cargo
}
