//! The preprocessor: what the text asks for by name is put in its place.
//!
//! ```text
//! {{#include ../../demos/longpoll/src/lib.rs:hold}}   in a fence: the lines of an anchor, with the path as a caption
//! {{#demo longpoll}}                                  the running demo, with the button that starts it
//! {{#wire longpoll}}                                  a recording, to play
//! {{#bytes longpoll ask}}                             one unit of a recording, as text
//! {{#hex frames masked}}                              the same in hexadecimal, in a sentence
//! {{#figure longpoll.ask}}                            a number out of a recording
//! {{#measured memory longpoll}}                       a number out of the benchmark's results, see [`measured`]
//! {{#ways delay}}                                     a table out of them that compares all techniques
//! {{#lines demos/chat/src/lib.rs:read}}               how many lines of code files and anchors have, see [`lines`]
//! {{#rfc 9112 7.1}}                                   a link to a section of an RFC
//! {{#task longpoll 2 20}}                             the second task of a demo, for 20 minutes, and the command that checks it
//! {{#sum handshake.ask + handshake.switch}}           a sum of such numbers, added up
//! {{#plot delay}}                                     a picture of such a table, see [`plot`]
//! {{#look longpoll sse}}                              where these demos are, what to look at, and room to write
//! {{#minutes}}                                        how long the chapter takes, counted, see [`minutes`]
//! {{#pace}}                                           the speeds by which it is counted
//! {{#plan 9:00 polling longpoll+1 15:break}}          a timetable, added up from the chapters; with the first task of longpoll
//! ```
//!
//! The first use of each word of the glossary becomes a link, see [`glossary`]. An order that can't be carried out fails the build. A backslash in front, `\{{#`, shows it instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mdbook_driver::book::{Book, BookItem};
use mdbook_driver::errors::{Error, Result as BookResult};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::minutes::{self, Minutes};
use crate::{anchor, demos, glossary, lines, measured, plot, recording, root};

/// The preprocessor.
pub struct Bench;

impl Preprocessor for Bench {
    fn name(&self) -> &str {
        "bench"
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> BookResult<Book> {
        let source = context.root.join(&context.config.book.src);
        lay_out_assets(&source)?;
        let mut faults = Vec::new();
        // Code and bytes come first: minutes are counted in what a reader sees.
        let mut texts = Texts::new();
        for item in book.iter() {
            if let BookItem::Chapter(chapter) = item
                && let Some(path) = &chapter.path
            {
                match chapter_text(&chapter.content, &folder_of(&source, path)) {
                    Ok(text) => {
                        let minutes = Minutes::of(&chapter.content, &text);
                        texts.insert(name_of(path), Text { title: chapter.name.clone(), text, minutes });
                    }
                    Err(why) => faults.push(format!("{}: {why}", path.display())),
                }
            }
        }
        let words = fs::read_to_string(source.join("glossary.md")).unwrap_or_default();
        let terms = glossary::terms(&words);
        let mut met = BTreeSet::new();
        book.for_each_mut(|item| {
            if let BookItem::Chapter(chapter) = item
                && let Some(path) = &chapter.path
                && let Some(text) = texts.get(&name_of(path))
            {
                match finish(&name_of(path), text, &texts, &terms, &mut met) {
                    Ok(text) => chapter.content = text,
                    Err(why) => faults.push(format!("{}: {why}", path.display())),
                }
            }
        });
        for term in
            terms.iter().filter(|term| !met.contains(&term.slug) && !glossary::ELSEWHERE.contains(&term.slug.as_str()))
        {
            faults.push(format!("glossary.md: no chapter uses the word {}", term.slug));
        }
        if faults.is_empty() { Ok(book) } else { Err(Error::msg(faults.join("\n"))) }
    }
}

/// The pages' style and elements are the book's, too: they are copied beside the text, whence mdBook takes them along.
/// A file that is the same already is left alone, or `mdbook serve` would build for ever.
fn lay_out_assets(source: &Path) -> std::io::Result<()> {
    let to = source.join("bench");
    fs::create_dir_all(&to)?;
    for name in elements::names() {
        let (new, place) = (elements::file(name).unwrap_or_default().into_bytes(), to.join(name));
        if fs::read(&place).ok().as_ref() != Some(&new) {
            fs::write(place, new)?;
        }
    }
    Ok(())
}

/// A chapter between the two rounds of the preprocessor.
pub struct Text {
    title: String,
    text: String,
    minutes: Minutes,
}

/// All chapters by their names.
pub type Texts = BTreeMap<String, Text>;

fn name_of(path: &Path) -> String {
    path.with_extension("").to_string_lossy().into_owned()
}

fn folder_of(source: &Path, path: &Path) -> PathBuf {
    source.join(path).parent().unwrap_or(source).to_path_buf()
}

/// The second round: what needs all chapters, and the links to the glossary.
fn finish(
    name: &str,
    text: &Text,
    texts: &Texts,
    terms: &[glossary::Term],
    met: &mut BTreeSet<String>,
) -> Result<String, String> {
    let whole = each_line(&text.text, |order| late(order, text, texts))?;
    Ok(match name {
        "glossary" => glossary::with_addresses(&whole),
        _ => glossary::linked(name, &whole, terms, met),
    })
}

/// The first round: the text of a chapter with its code and bytes in their places.
///
/// # Errors
/// A sentence that says what is missing.
pub fn chapter_text(text: &str, folder: &Path) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut fence: Option<String> = None;
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let bar = line.trim_start();
        let marks: String = bar.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if marks == *open && bar == marks => fence = None,
            None if marks.len() >= 3 => {
                fence = Some(marks);
                if let Some(what) = lines.get(at + 1).and_then(|next| include_of(next)) {
                    out += &caption(what)?;
                }
            }
            _ => {}
        }
        if let Some(what) = include_of(line) {
            if fence.is_none() {
                return Err(format!("line {}: an include stands in a fence", at + 1));
            }
            out += &anchor::include(folder, what)?;
        } else {
            out += &orders(line, early).map_err(|why| format!("line {}: {why}", at + 1))?;
        }
        out.push('\n');
    }
    Ok(out)
}

/// A text with the orders in its lines carried out; a backslash in front shows an order instead.
fn each_line(text: &str, carry_out: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let lines = text.lines().map(|line| Ok(orders(line, &carry_out)? + "\n"));
    Ok(lines.collect::<Result<String, String>>()?.replace("\\{{#", "{{#"))
}

/// `PATH:ANCHOR` of a line that is nothing but an include.
pub fn include_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix("{{#include ")?.strip_suffix("}}").map(str::trim)
}

/// The path above a piece of code, as seen from the workspace's root.
fn caption(what: &str) -> Result<String, String> {
    let (path, name) = what.rsplit_once(':').unwrap_or((what, ""));
    let path = path.trim_start_matches("../");
    let file = root().join(path);
    if !file.is_file() {
        return Err(format!("there is no file {path}"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))?;
    let mark = format!("ANCHOR: {name}");
    let line = text.lines().position(|line| line.trim_end().ends_with(&mark));
    let place = line.map_or(String::new(), |line| format!("<span>, line {}</span>", line + 2));
    Ok(format!("<p class=\"path\"><code>{path}</code>{place}</p>\n\n"))
}

fn orders(line: &str, carry_out: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{#") {
        let (order, behind) = after.split_once("}}").ok_or("an order that is not closed")?;
        out += before;
        if before.ends_with('\\') {
            let _ = write!(out, "{{{{#{order}}}}}"); // the second round takes the backslash away
        } else {
            out += &carry_out(order.trim())?;
        }
        rest = behind;
    }
    Ok(out + rest)
}

/// The orders of the second round, which need to know all chapters.
fn late(order: &str, text: &Text, texts: &Texts) -> Result<String, String> {
    let words: Vec<&str> = order.split_whitespace().collect();
    match words[..] {
        ["minutes"] => Ok(format!("<p class=\"minutes\">{}</p>", text.minutes.in_words())),
        ["plan", start, ref stops @ ..] => plan(start, stops, texts),
        _ => Err(format!("there is no order {{{{#{order}}}}}")),
    }
}

fn early(order: &str) -> Result<String, String> {
    let words: Vec<&str> = order.split_whitespace().collect();
    match words[..] {
        ["demo", name] => demo(name),
        ["wire", name] => wire(name),
        ["bytes", name, row] => bytes(name, row),
        ["hex", name, row] => Ok(format!("<code class=\"hex\">{}</code>", recording::hex(name, row)?)),
        ["figure", key] => recording::figure(key),
        ["measured", ref what @ ..] => measured::figure(what),
        ["ways", which] => measured::ways(which),
        ["lines", ref what @ ..] => lines::count(what),
        ["rfc", number, section] => Ok(format!(
            "[RFC {number}, section {section}](https://www.rfc-editor.org/rfc/rfc{number}#section-{section})"
        )),
        ["rfc", number] => Ok(format!("[RFC {number}](https://www.rfc-editor.org/rfc/rfc{number})")),
        ["task", name, number, minutes] => task(name, number, minutes),
        ["sum", ref terms @ ..] => recording::sum(terms),
        ["plot", which] => plot::plot(which),
        ["look", ref names @ ..] => look(names),
        ["pace"] => Ok(minutes::pace()),
        ["minutes", _] => Err("minutes are counted: {{#minutes}}".to_string()),
        ["minutes"] | ["plan", ..] => Ok(format!("{{{{#{order}}}}}")), // for the second round
        _ => Err(format!("there is no order {{{{#{order}}}}}")),
    }
}

/// The place of a running demo. `look/book.js` brings it to life where the book's own server is behind it; elsewhere it
/// is what stands here: the command and the address.
fn demo(name: &str) -> Result<String, String> {
    let demo = demos::find(name).ok_or_else(|| format!("there is no demo {name}"))?;
    let (port, url, title, first) = (demo.port, demo.url(), escape(&demo.title), escape(&demo.first));
    Ok(format!(
        "<div><live-demo name=\"{name}\" port=\"{port}\" title=\"{title}\">\
         <p class=\"command\"><code>cargo run -p {name}</code> and open \
         <a href=\"{url}\">{url}</a></p>\
         <p class=\"first\">First: {first}.</p></live-demo></div>"
    ))
}

/// A table for a participant: where each demo is, what to try first, and room to write.
fn look(names: &[&str]) -> Result<String, String> {
    let mut table = "| demo | address | what to look at | what I saw |\n|---|---|---|---|\n".to_string();
    for name in names {
        let demos::Demo { scheme, port, title, first, .. } =
            demos::find(name).ok_or_else(|| format!("there is no demo {name}"))?;
        let _ = writeln!(table, "| {title} | `{scheme}://______:{port}` | {first} | |");
    }
    Ok(table)
}

/// The levels that a task can have, in minutes.
pub const LEVELS: [&str; 3] = ["5", "20", "60"];

/// How long a task takes, and the command that checks it. `look/book.js` puts a button beside the command where the book's own
/// server is behind it.
fn task(name: &str, number: &str, minutes: &str) -> Result<String, String> {
    demos::find(name).ok_or_else(|| format!("there is no demo {name}"))?;
    number.parse::<u8>().map_err(|error| format!("a task has a number, not {number:?}: {error}"))?;
    if !LEVELS.contains(&minutes) {
        return Err(format!("task {number} of {name}: a task takes 5, 20 or 60 minutes, not {minutes}"));
    }
    Ok(format!(
        "<div class=\"task\"><task-check name=\"{name}\" task=\"{number}\"><p><strong>{minutes} minutes</strong> \
         <span>Check your change: <code>cargo run -p check -- {name} {number}</code></span></p></task-check></div>\n"
    ))
}

/// A recording in the element that the live pages use; without scripts, its lines.
fn wire(name: &str) -> Result<String, String> {
    let recorded = recording::read(name)?;
    // Where connections lie in others, a reader chooses between the ladders.
    let layered = recorded["rows"].as_array().is_some_and(|rows| rows.iter().any(|row| row["in"].is_u64()));
    let layers = if layered { " layers" } else { "" };
    let lines = escape(recording::ladder(name)?.trim_end()).replace('\n', "&#10;");
    Ok(format!(
        "<div class=\"recorded\"><wire-view src=\"wire/{name}.json\"{layers}></wire-view><noscript><pre>{lines}</pre></noscript>\
         <p class=\"path\">Recorded by <code>make record</code>: <a href=\"wire/{name}.txt\">as text</a></p></div>"
    ))
}

fn bytes(name: &str, row: &str) -> Result<String, String> {
    let text = escape(recording::text(name, row)?.trim_end_matches('\n')).replace('\n', "&#10;");
    Ok(format!("<pre class=\"wire-text\" tabindex=\"0\"><code class=\"nohighlight\">{text}</code></pre>"))
}

/// A timetable: chapters by their name, `longpoll+1` with a task of the chapter, and `15:break` for what is no chapter.
fn plan(start: &str, stops: &[&str], texts: &Texts) -> Result<String, String> {
    let clock = |at: u32| format!("{:02}:{:02}", at / 60 % 24, at % 60);
    let (hours, rest) = start.split_once(':').ok_or("a plan starts at a time: 9:00")?;
    let number = |word: &str| word.parse::<u32>().map_err(|error| format!("{word}: {error}"));
    let begin = number(hours)? * 60 + number(rest)?;
    let mut at = begin;
    let mut rows = String::new();
    for stop in stops {
        let (what, takes) = match stop.split_once(':') {
            Some((takes, word)) => (word.replace('_', " "), number(takes)?),
            None => {
                let (name, task) = stop.split_once('+').map_or((*stop, None), |(name, task)| (name, Some(task)));
                let Text { title, minutes, .. } =
                    texts.get(name).ok_or_else(|| format!("there is no chapter {name}"))?;
                let link = format!("[{title}]({name}.md)");
                match task {
                    Some(task) => {
                        let minutes = number(task)?.checked_sub(1).and_then(|at| minutes.tasks.get(at as usize));
                        let extra = minutes.ok_or_else(|| format!("chapter {name} has no task {task}"))?;
                        (format!("{link}, and its task {task}"), texts[name].minutes.without_tasks() + extra)
                    }
                    None => (link, minutes.without_tasks()),
                }
            }
        };
        let _ = writeln!(rows, "| {} | {what} | {takes} |", clock(at));
        at += takes;
    }
    let total = at - begin;
    let sum = format!("| {} | **End, after {} h {:02} min** | **{total}** |", clock(at), total / 60, total % 60);
    Ok(format!("| at | what | minutes |\n|---|---|---:|\n{rows}{sum}\n"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(markdown: &str) -> Result<String, String> {
        let minutes = |read, tasks| Minutes { read, demo: 5, tasks };
        let chapters = [("polling", minutes(15, vec![20])), ("sse", minutes(20, vec![]))];
        let texts = Texts::from(chapters.map(|(name, minutes)| {
            (name.to_string(), Text { title: name.to_uppercase(), text: String::new(), minutes })
        }));
        let text = chapter_text(markdown, &root().join("book/src"))?;
        let text = Text { title: "X".to_string(), text, minutes: Minutes { read: 3, demo: 0, tasks: vec![] } };
        finish("x", &text, &texts, &[], &mut BTreeSet::new())
    }

    #[test]
    fn an_include_brings_its_lines_and_its_path() {
        let out = text("```rust,ignore\n{{#include ../../demos/longpoll/src/lib.rs:hold}}\n```").unwrap();
        assert!(out.starts_with("<p class=\"path\"><code>demos/longpoll/src/lib.rs</code>"), "{out}");
        assert!(out.contains("\nfn hold_until_news("), "{out}");
        assert!(!out.contains("ANCHOR"), "{out}");
    }

    #[test]
    fn what_is_missing_fails() {
        assert!(text("```js\n{{#include ../../demos/longpoll/src/lib.rs:nothing}}\n```").is_err());
        assert!(text("```js\n{{#include ../../demos/nobody.rs:nothing}}\n```").is_err());
        assert!(text("{{#include ../../demos/longpoll/src/lib.rs:hold}}").is_err());
        assert!(text("{{#demo nobody}}").is_err());
        assert!(text("{{#wire nobody}}").is_err());
        assert!(text("{{#figure nobody.nothing}}").is_err());
        assert!(text("{{#measured delay nobody 1 p50}}").is_err());
        assert!(text("{{#ways sideways}}").is_err());
        assert!(text("{{#dance}}").is_err());
        assert!(text("{{#task nobody 1 20}}").is_err());
        assert!(text("{{#task longpoll two 20}}").is_err());
        assert!(text("{{#task longpoll 2 30}}").unwrap_err().contains("5, 20 or 60"));
        assert!(text("{{#plan 9:00 nobody}}").is_err());
        assert!(text("{{#plan 9:00 polling+2}}").unwrap_err().contains("no task 2"));
        assert!(text("{{#plot sideways}}").is_err());
    }

    #[test]
    fn an_order_can_be_shown() {
        assert_eq!(text(r"see \{{#demo longpoll}}.").as_deref(), Ok("see {{#demo longpoll}}.\n"));
    }

    #[test]
    fn a_task_says_how_long_it_takes_and_what_checks_it() {
        let out = text("### 2. A limit\n{{#task longpoll 2 20}}\nHold a hundred").unwrap();
        assert!(out.contains("<strong>20 minutes</strong>"), "{out}");
        assert!(out.contains("<code>cargo run -p check -- longpoll 2</code>"), "{out}");
        assert!(out.contains("</div>\n\nHold"), "a blank line ends the HTML, so that text follows: {out}");
    }

    #[test]
    fn a_plan_is_added_up() {
        let out = text("{{#plan 9:50 polling 15:a_break sse}}").unwrap();
        assert!(out.contains("| 09:50 | [POLLING](polling.md) | 20 |\n| 10:10 | a break | 15 |\n| 10:25 |"), "{out}");
        assert!(out.contains("| 10:50 | **End, after 1 h 00 min** | **60** |"), "{out}");
        let out = text("{{#plan 9:00 polling+1}}").unwrap();
        assert!(out.contains("| 09:00 | [POLLING](polling.md), and its task 1 | 40 |"), "{out}");
    }
}
