//! How much code something is: `{{#lines demos/frames/src/frame.rs demos/chat/src/lib.rs:read}}` is the number of lines of these
//! files and anchors. Empty lines, lines of comment and unit tests do not count.

use std::fs;

use crate::{anchor, root};

/// The number of lines of code in these files of the workspace, or in anchors of them.
///
/// # Errors
/// A sentence that says what is missing.
pub fn count(what: &[&str]) -> Result<String, String> {
    let mut sum = 0;
    for name in what {
        let (path, anchor) = name.split_once(':').map_or((*name, None), |(path, anchor)| (path, Some(anchor)));
        let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
        sum += match anchor {
            Some(anchor) => of(&anchor::lines(&text, anchor).map_err(|why| format!("{path}: {why}"))?),
            None => of(&text),
        };
    }
    Ok(sum.to_string())
}

fn of(code: &str) -> usize {
    let code = code.split("\n#[cfg(test)]\n").next().unwrap_or(code);
    code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_comments_and_unit_tests_do_not_count() {
        assert_eq!(
            of("//! What.\n\nfn one() {\n    // ANCHOR: x\n    two(); // two\n}\n\n#[cfg(test)]\nmod tests {}\n"),
            3
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert!(count(&["demos/no/such.rs"]).unwrap_err().contains("demos/no/such.rs"));
        assert!(count(&["demos/frames/src/lib.rs:nothing"]).unwrap_err().contains("nothing"));
    }
}
