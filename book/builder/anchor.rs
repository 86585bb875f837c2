//! Code by anchors: the lines between `ANCHOR: name` and `ANCHOR_END: name` of a file.
//!
//! mdBook can do that itself, and is too kind: an anchor that is missing gives it nothing, one that is never closed gives
//! it the rest of the file. Here both are errors.

use std::path::Path;

const OPEN: &str = "ANCHOR: ";
const CLOSE: &str = "ANCHOR_END: ";

/// The lines of an anchor, moved to the left as far as they go; lines with marks of other anchors are left out.
///
/// # Errors
/// A sentence that says what is missing.
pub fn lines(text: &str, name: &str) -> Result<String, String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        match mark(line) {
            Some((OPEN, other)) if other == name && inside => return Err(format!("anchor {name} opens twice")),
            Some((OPEN, other)) if other == name => inside = true,
            Some((CLOSE, other)) if other == name && inside => return tidy(&found, name),
            Some(_) => {}
            None if inside => found.push(line),
            None => {}
        }
    }
    Err(if inside { format!("anchor {name} is never closed") } else { format!("there is no anchor {name}") })
}

/// The names of all the anchors that open in a text.
pub fn names(text: &str) -> Vec<&str> {
    text.lines().filter_map(mark).filter(|(kind, _)| *kind == OPEN).map(|(_, name)| name).collect()
}

/// Reads `PATH` or `PATH:ANCHOR`, as it stands in an include, from the folder of the chapter.
///
/// # Errors
/// A sentence that says what is missing.
pub fn include(folder: &Path, what: &str) -> Result<String, String> {
    let (path, anchor) = what.rsplit_once(':').map_or((what, None), |(path, name)| (path, Some(name)));
    let text = std::fs::read_to_string(folder.join(path)).map_err(|error| format!("{path}: {error}"))?;
    match anchor {
        Some(name) => lines(&text, name).map_err(|why| format!("{path}: {why}")),
        None if names(&text).is_empty() => Ok(text),
        None => Err(format!("{path} has anchors: name one of them, or their marks would be printed")),
    }
}

fn mark(line: &str) -> Option<(&'static str, &str)> {
    [OPEN, CLOSE].into_iter().find_map(|kind| {
        let (_, rest) = line.split_once(kind)?;
        let name = rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).next()?;
        (!name.is_empty()).then_some((kind, name))
    })
}

fn tidy(lines: &[&str], name: &str) -> Result<String, String> {
    let depth = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let margin = lines.iter().filter(|line| !line.trim().is_empty()).map(depth).min();
    let Some(margin) = margin else { return Err(format!("anchor {name} is empty")) };
    Ok(lines.iter().map(|line| line.get(margin..).unwrap_or("")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n    // ANCHOR: two\n    b\n      // ANCHOR: inner\n      c\n      // ANCHOR_END: inner\n    // ANCHOR_END: two\nd";

    #[test]
    fn an_anchor_gives_its_lines_without_marks_and_margin() {
        assert_eq!(lines(TEXT, "two").as_deref(), Ok("b\n  c"));
        assert_eq!(lines(TEXT, "inner").as_deref(), Ok("c"));
        assert_eq!(names(TEXT), ["two", "inner"]);
    }

    #[test]
    fn what_is_missing_empty_or_unclosed_is_an_error() {
        assert!(lines(TEXT, "three").unwrap_err().contains("no anchor"));
        assert!(lines("// ANCHOR: a\n\n// ANCHOR_END: a", "a").unwrap_err().contains("empty"));
        assert!(lines("// ANCHOR: a\nb", "a").unwrap_err().contains("never closed"));
        assert!(lines("// ANCHOR: ab\nb\n// ANCHOR_END: ab", "a").is_err());
    }
}
