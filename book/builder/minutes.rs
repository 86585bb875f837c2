//! How long a chapter takes. Nothing of it is typed: words, lines, pictures and runs are counted in its text.

use std::fmt::Write;

/// Words that a reader whose English is a second language reads in a minute.
pub const WORDS: u32 = 130;
/// Lines of code and of bytes that a reader looks at in a minute.
pub const LINES: u32 = 10;
/// Minutes for a picture.
pub const PICTURE: u32 = 1;
/// Minutes for a recording that is played.
pub const RECORDING: u32 = 2;
/// Minutes until the demo runs and has been tried once.
pub const RUN: u32 = 5;
/// Minutes for each thing that a reader breaks.
pub const BREAK: u32 = 1;

/// What a chapter takes, in minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    /// To read it, what is folded away left out.
    pub read: u32,
    /// At the demo.
    pub demo: u32,
    /// For each of its tasks, by its number in the chapter.
    pub tasks: Vec<u32>,
}

impl Minutes {
    /// Counts a chapter, its includes and dumps in their places already.
    pub fn of(raw: &str, text: &str) -> Minutes {
        let (words, lines) = count(text);
        let pictures = raw.matches("<svg").count() as u32 + raw.matches("{{#plot ").count() as u32;
        let recordings = raw.matches("{{#wire ").count() as u32;
        let looking = pictures * PICTURE + recordings * RECORDING;
        let demo = if raw.contains("{{#demo ") { RUN + breaks(raw) * BREAK } else { 0 };
        let tasks =
            raw.split("{{#task ").skip(1).filter_map(|rest| rest.split_once("}}")?.0.rsplit(' ').next()?.parse().ok());
        Minutes { read: words.div_ceil(WORDS) + lines.div_ceil(LINES) + looking, demo, tasks: tasks.collect() }
    }

    /// Reading and the demo, without the tasks.
    pub fn without_tasks(&self) -> u32 {
        self.read + self.demo
    }

    /// In words, for the top of the chapter.
    pub fn in_words(&self) -> String {
        let mut out = format!("{} minutes", self.without_tasks());
        if self.demo > 0 {
            let _ = write!(out, ": {} to read, {} at the demo", self.read, self.demo);
        }
        let tasks: u32 = self.tasks.iter().sum();
        if tasks > 0 {
            let _ = write!(out, "; the tasks take {tasks} more");
        }
        out
    }
}

/// The speeds, in a sentence for those who plan with them.
pub fn pace() -> String {
    format!(
        "{WORDS} words a minute (a speed for readers whose English is a second language), {LINES} lines of code or of bytes a \
         minute, {PICTURE} minute for a picture, {RECORDING} minutes for a recording, {RUN} minutes until the demo runs and has \
         been tried, {BREAK} minute for each thing that you break"
    )
}

/// What "How it breaks" makes the reader do: each begins in bold letters.
fn breaks(raw: &str) -> u32 {
    let part = raw.split("\n## How it breaks").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or("");
    part.lines().filter(|line| line.starts_with("**") || line.starts_with("- **")).count() as u32
}

/// Words of prose and lines of code that a reader sees without opening anything.
fn count(text: &str) -> (u32, u32) {
    let (mut words, mut lines) = (0, 0);
    let (mut fenced, mut folded, mut drawn) = (false, 0_usize, false);
    for line in text.lines() {
        folded += line.matches("<details").count();
        drawn |= line.contains("<svg");
        let start = line.trim_start();
        if folded == 0 && !drawn {
            if start.starts_with("```") {
                fenced = !fenced;
            } else if fenced {
                lines += 1;
            } else if start.starts_with("<pre") {
                lines += 1 + start.matches("&#10;").count() as u32;
            } else if !start.starts_with("<div") {
                words +=
                    prose(start).split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count() as u32;
            }
        }
        drawn &= !line.contains("</svg>");
        folded = folded.saturating_sub(line.matches("</details>").count());
    }
    (words, lines)
}

/// A line without its tags.
fn prose(line: &str) -> String {
    let mut parts = line.split('<');
    let first = parts.next().unwrap_or("").to_string();
    first + &parts.filter_map(|part| Some(part.split_once('>')?.1)).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_is_counted_without_what_is_folded() {
        let words = "word ".repeat(131);
        let text = format!(
            "# Title\n\n{words}\n\n```rust\n1\n2\n```\n\n<details><summary>A hint</summary>\n\n{words}\n\n</details>\n"
        );
        assert_eq!(Minutes::of(&text, &text), Minutes { read: 2 + 1, demo: 0, tasks: vec![] });
    }

    #[test]
    fn a_demo_its_breaks_and_its_tasks_are_counted() {
        let text = "{{#demo x}}\n\n{{#wire x}}\n\n## How it breaks\n\n**Cut.** It stops.\n\n**Drip.** It crawls.\n\n## Tasks\n\n\
                    {{#task x 1 5}}\n\n{{#task x 2 20}}\n";
        let minutes = Minutes::of(text, "a word");
        assert_eq!(minutes, Minutes { read: 1 + RECORDING, demo: RUN + 2 * BREAK, tasks: vec![5, 20] });
        assert_eq!(minutes.in_words(), "10 minutes: 3 to read, 7 at the demo; the tasks take 25 more");
    }
}
