//! The benchmark: how long a learner waits for the first build, how long a message takes to be heard, what an idle client
//! costs, and what each way of hearing costs beside the others. `make bench` runs it; the figures go to `tests/bench/results.md` and `.json`.
//!
//! Everything is measured on the same machine in the same run and taken in turns (A B C, A B C, ...), so that whatever
//! else the machine does disturbs all alike. What is compared are ratios, round by round.

mod chat;
mod clients;
mod cold;
mod delay;
mod heads;
mod http;
mod idle;
mod process;
mod report;
mod servers;
mod ways;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use report::Report;

/// The parts, in order.
const ALL: [&str; 6] = ["cold", "delay", "polling", "ways", "idle", "chat"];

fn main() {
    let role = std::env::args().nth(1);
    let done = match role.as_deref() {
        Some("floor") => servers::floor(),
        Some("longpoll-floor") => servers::longpoll_floor(),
        Some("axum") => servers::axum(),
        None => everything(&ALL),
        // Only some parts; then nothing is written.
        Some(parts) => everything(&parts.split(',').collect::<Vec<_>>()),
    };
    if let Err(error) = done {
        eprintln!("bench: {error}");
        exit(1);
    }
}

fn everything(parts: &[&str]) -> io::Result<()> {
    let root = root();
    rlimit::increase_nofile_limit(u64::MAX)?;
    let mut report = Report::begin(&root);
    if parts.contains(&"cold") {
        report.cold = Some(cold::measure(&root)?);
    }
    let demos = build(&root, parts != ["chat"])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        if parts.contains(&"delay") {
            report.delays = delay::measure(&demos).await?;
        }
        if parts.contains(&"polling") {
            report.delays.extend(delay::measure_polling(&demos).await?);
        }
        if parts.contains(&"ways") {
            report.ways = ways::measure(&demos).await?;
        }
        if parts.contains(&"idle") {
            report.idle = idle::measure(&demos).await?;
        }
        if parts.contains(&"chat") {
            report.chat = chat::measure(&demos, &root.join("tests/bench"), report.about()).await?;
        }
        io::Result::Ok(())
    })?;
    report.end();
    println!("\n{}", report.markdown());
    if parts == ALL {
        report.write(&root.join("tests/bench"))?;
    }
    Ok(())
}

/// The root of the project, three folders above this package.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).unwrap_or(here).to_path_buf()
}

/// Builds the demos as they would be used in earnest, all of them or the chat, and returns the folder that they are in.
fn build(root: &Path, all: bool) -> io::Result<PathBuf> {
    eprintln!("building the demos");
    let release = |words: &[&str]| {
        Command::new("cargo").current_dir(root).args(["build", "--release", "--quiet"]).args(words).status()
    };
    let ways: Vec<&str> = ways::demos().flat_map(|name| ["-p", name]).collect();
    let built = (!all || release(&ways)?.success())
        && release(&["-p", "chat", "--bins"])?.success()
        && release(&["-p", "chat", "--example", "by_hand"])?.success();
    if !built {
        return Err(io::Error::other("the demos don't build"));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release"))
}

/// The middle one of some numbers.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
