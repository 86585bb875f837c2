//! The terminal: a line for each unit on the wire, in the same two colours as the page.

use std::io::{IsTerminal, Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use super::view::View;
use dissect::Dir;

const UP: &str = "\x1b[36m";
const DOWN: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// Prints what goes over the wire, for ever. Coloured on a terminal only, and never when `NO_COLOR` is set.
pub fn print(view: &Arc<View>) {
    let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut cursor = 0;
    loop {
        let (entries, lost) = view.since(cursor, Duration::from_secs(3600));
        let mut out = stdout().lock();
        if lost > 0 {
            let _ = writeln!(out, "           ({lost} lines left out: the wire was faster)");
        }
        for entry in entries {
            cursor = entry.id;
            let written = match (&entry.line, colour) {
                (None, _) => Ok(()),
                (Some((_, line)), false) => writeln!(out, "{line}"),
                (Some((Dir::Up, line)), true) => writeln!(out, "{UP}{line}{PLAIN}"),
                (Some((Dir::Down, line)), true) => writeln!(out, "{DOWN}{line}{PLAIN}"),
            };
            if written.is_err() {
                return; // nobody reads: a closed pipe, say
            }
        }
        let _ = out.flush();
        drop(out);
        std::thread::sleep(Duration::from_millis(30)); // gather, so that printing never keeps up with a flood
    }
}
