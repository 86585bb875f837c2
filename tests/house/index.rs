//! The indexes that are written from what the demos say of themselves.

use std::fs;
use std::path::Path;

use demo::index::all;

/// Writes the table of the README anew.
pub fn write(root: &Path) -> Result<(), String> {
    let path = root.join("README.md");
    let readme = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let is_row = |line: &&str| line.starts_with("| `cargo run -p ");
    let before = readme.lines().take_while(|line| !is_row(line)).map(str::to_string);
    let after = readme.lines().skip_while(|line| !is_row(line)).skip_while(is_row).map(str::to_string);
    let rows = all(root).into_iter();
    let rows = rows.map(|demo| format!("| `cargo run -p {}` | {} | {} |", demo.name, demo.port, demo.description));
    let lines: Vec<String> = before.chain(rows).chain(after).collect();
    fs::write(&path, lines.join("\n") + "\n").map_err(|error| error.to_string())
}
