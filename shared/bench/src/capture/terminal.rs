//! The terminal: a line for each unit that a connection carried, in the same two colours as the page.

use std::env;
use std::fs::File;
use std::io::{IsTerminal, Write, stdout};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dissect::{Dir, one_line};

use super::trace::Trace;

const UP: &str = "\x1b[36m";
const DOWN: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// So much is printed at once, in bytes of rows.
const AT_ONCE: usize = 1024 * 1024;

/// A window may be made wider or narrower: its width is asked for again after this time.
const WIDTH_HOLDS: Duration = Duration::from_secs(5);

/// Prints what the connections carry, for ever. Coloured on a terminal only, and neither when `NO_COLOR` is set nor when
/// the terminal is a dumb one.
pub fn print(trace: &Arc<Trace>) {
    let terminal = stdout().is_terminal();
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_some_and(|value| value == "dumb");
    let colour = terminal && !plain;
    let (mut columns, mut asked) = (columns(terminal), Instant::now());
    let _watcher = trace.watch();
    let mut cursor = 0;
    loop {
        let (entries, lost) = trace.wait_since(cursor, AT_ONCE);
        if asked.elapsed() > WIDTH_HOLDS {
            (columns, asked) = (self::columns(terminal), Instant::now());
        }
        let mut out = stdout().lock();
        if lost > 0 {
            let _ = writeln!(out, "           ({lost} entries left out: they came faster than they can be printed)");
        }
        for entry in entries {
            cursor = entry.id;
            let Some((dir, line)) = &entry.line else { continue };
            let line = fit(line, columns);
            let written = match (dir, colour) {
                (_, false) => writeln!(out, "{line}"),
                (Dir::Up, true) => writeln!(out, "{UP}{line}{PLAIN}"),
                (Dir::Down, true) => writeln!(out, "{DOWN}{line}{PLAIN}"),
            };
            if written.is_err() {
                return; // the reader has gone: a closed pipe, say
            }
        }
        let _ = out.flush();
        drop(out);
        std::thread::sleep(Duration::from_millis(30)); // gather, so that printing never keeps up with a flood
    }
}

/// How wide the terminal is; `None` when nothing needs to be cut. The standard library can't tell, and `stty` can.
fn columns(terminal: bool) -> Option<usize> {
    let ask = || {
        let stdin = File::open("/dev/tty").ok()?;
        let output = Command::new("stty").arg("size").stdin(stdin).output().ok()?;
        String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
    };
    terminal.then(ask).flatten().filter(|&columns| columns >= 20)
}

/// A line that does not wrap, and does nothing to the terminal but stand there.
fn fit(line: &str, columns: Option<usize>) -> String {
    let line = one_line(line, usize::MAX);
    let Some(columns) = columns else { return line };
    let mut width = 0;
    let cut = line.char_indices().find(|(_, c)| {
        width += if *c < '\u{1100}' { 1 } else { 2 }; // roughly: Hangul Jamo is the first wide script
        width >= columns
    });
    match cut {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_the_width_and_does_nothing_to_the_terminal() {
        assert_eq!(fit("0123456789", Some(6)), "01234…");
        assert_eq!(fit("0123456789", None), "0123456789");
        assert_eq!(fit("\x1b]0;x\x07\u{feff}", None), "\\u{1b}]0;x\\u{7}\\u{feff}");
        assert_eq!(fit("你好吗", Some(6)), "你好…");
    }
}
