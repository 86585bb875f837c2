//! What a test program prints, read line by line: which tests passed, which failed and why.

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its name in its program.
    pub test: String,
    /// The place and the first line of its panic.
    pub why: String,
}

/// What came of a program's tests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Tests that ran and passed, or said that they skip.
    pub passed: usize,
    /// Names of those that failed.
    pub failed: Vec<String>,
    /// The line with the total was there: the program came to its end.
    pub ended: bool,
    /// Everything behind the word `failures:`, where each failed test tells what it printed.
    stories: Vec<String>,
    in_stories: bool,
}

/// A line that tells how a test went: its name, and whether it passed.
pub fn verdict(line: &str) -> Option<(&str, bool)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match verdict {
        "ok" => Some((name, true)),
        "FAILED" => Some((name, false)),
        _ => None,
    }
}

impl Outcome {
    /// Takes the next line of the program's standard output.
    pub fn line(&mut self, line: &str) {
        if line.starts_with("test result: ") {
            self.ended = true;
            self.in_stories = false;
        } else if self.in_stories {
            self.stories.push(line.to_string());
        } else if line == "failures:" {
            self.in_stories = true;
        } else if let Some((name, passed)) = verdict(line) {
            match passed {
                true => self.passed += 1,
                false => self.failed.push(name.to_string()),
            }
        }
    }

    /// The failed tests, each with its reason.
    pub fn failures(&self) -> Vec<Failure> {
        let why = |test: &String| {
            let start = format!("---- {test} stdout ----");
            let story = self.stories.iter().skip_while(|line| **line != start).skip(1);
            let story: Vec<&str> = story.take_while(|line| !is_start(line)).map(String::as_str).collect();
            reason(&story)
        };
        self.failed.iter().map(|test| Failure { test: test.clone(), why: why(test) }).collect()
    }

    /// All that the failed tests printed.
    pub fn stories(&self) -> &[String] {
        &self.stories
    }
}

fn is_start(line: &str) -> bool {
    line.starts_with("---- ") && line.ends_with(" stdout ----")
}

/// Of a line that says why, this many characters at most.
const LONGEST: usize = 160;

/// The place of a panic and the first three lines that it says.
fn reason(story: &[&str]) -> String {
    let Some(at) = story.iter().position(|line| line.starts_with("thread '") && line.contains(" panicked at ")) else {
        return story.iter().find(|line| !line.is_empty()).unwrap_or(&"it does not say why").to_string();
    };
    let place = story[at].split(" panicked at ").nth(1).unwrap_or_default().trim_end_matches(':');
    let said = story[at + 1..].iter().take_while(|line| !line.is_empty() && !line.starts_with("stack backtrace"));
    let said = said.take(3).map(|line| line.trim().chars().take(LONGEST).collect::<String>());
    format!("{place}: {}", said.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_test_is_told_with_the_place_and_the_first_lines_of_its_panic() {
        let mut outcome = Outcome::default();
        let lines = [
            "",
            "running 2 tests",
            "test longpoll::wire::one ... ok",
            "test longpoll::wire::two ... FAILED",
            "",
            "failures:",
            "",
            "---- longpoll::wire::two stdout ----",
            "the cable was told: cut",
            "",
            "thread 'longpoll::wire::two' (17) panicked at demos/longpoll/tests/wire.rs:64:5:",
            "assertion `left == right` failed: the beat",
            "  left: 200",
            " right: 100",
            "stack backtrace:",
            "   0: __rustc::rust_begin_unwind",
            "",
            "failures:",
            "    longpoll::wire::two",
            "",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.58s",
        ];
        lines.iter().for_each(|line| outcome.line(line));
        let why =
            "demos/longpoll/tests/wire.rs:64:5: assertion `left == right` failed: the beat | left: 200 | right: 100";
        assert_eq!(outcome.passed, 1);
        assert!(outcome.ended);
        assert_eq!(outcome.failures(), [Failure { test: "longpoll::wire::two".to_string(), why: why.to_string() }]);
    }

    #[test]
    fn a_test_may_have_any_word_in_its_name() {
        assert_eq!(verdict("test a::ok ... FAILED"), Some(("a::ok", false)));
        assert_eq!(verdict("test a has been running for over 60 seconds"), None);
        assert_eq!(verdict("test result: ok. 1 passed"), None);
    }
}
