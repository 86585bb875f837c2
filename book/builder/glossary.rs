//! The words of the glossary: each has an address there, and its first use in a chapter is a link to it. A word that stands in every
//! chapter is linked at its first use in the book, or the links would hide the text.
//!
//! What is folded away, code, headings, tables and drawings have no links: a reader meets a word in the text.

use std::collections::BTreeSet;
use std::fmt::Write;

/// A word of the glossary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The part of the address: `half-open`.
    pub slug: String,
    /// How it is written in the text, in small letters.
    pub forms: Vec<String>,
    /// What it means, without marks.
    pub meaning: String,
}

/// Words that also mean something else. Only these turns are about the glossary's meaning.
const FORMS: [(&str, &[&str]); 5] = [
    ("life", &["room's life", "life of the room"]),
    ("ping-pong", &["ping", "pong"]),
    ("head", &["the head", "a head", "a whole head", "heads"]),
    ("tap", &["the tap", "tap"]),
    ("upgrade", &["upgrade"]),
];

/// Words that readers meet elsewhere; the book explains them and does not use them.
pub const ELSEWHERE: [&str; 1] = ["comet"];

/// Words that are written as code.
const CODE: [&str; 3] = ["close-notify", "nosniff", "x-accel-buffering"];

/// Chapters in which a word means something else.
const NOT_HERE: [(&str, &str); 8] = [
    ("iframe", "frame"),
    ("multipart", "head"),
    ("tcp", "frame"),
    ("wrong", "frame"),
    ("wrong", "socket"),
    ("libraries", "socket"),
    ("libraries", "acknowledgement"),
    ("choosing", "cursor"),
];

/// Words of nearly every chapter.
const COMMON: [&str; 14] = [
    "bench",
    "cable",
    "client",
    "handshake",
    "head",
    "heartbeat",
    "ladder",
    "long-polling",
    "message",
    "polling",
    "proxy",
    "room",
    "server",
    "socket",
];

/// The words of the glossary's table.
pub fn terms(glossary: &str) -> Vec<Term> {
    rows(glossary)
        .map(|(word, meaning)| {
            let slug = slug(word);
            let own = word.trim_matches('`').to_lowercase();
            let known = FORMS.iter().find(|(name, _)| *name == slug).map(|(_, forms)| *forms);
            let forms = known.map_or(vec![own], |forms| forms.iter().map(ToString::to_string).collect());
            Term { slug, forms, meaning: plain(meaning) }
        })
        .collect()
}

/// The glossary with an address at each word.
pub fn with_addresses(glossary: &str) -> String {
    let mut out = String::new();
    for line in glossary.lines() {
        match row(line) {
            Some((word, meaning)) => {
                let _ = writeln!(out, "| <span id=\"term-{}\">{word}</span> | {meaning} |", slug(word));
            }
            None => {
                let _ = writeln!(out, "{line}");
            }
        }
    }
    out
}

/// The text of a chapter in which the first use of each word leads to the glossary. `met` are the words that the book has used so
/// far; those of this chapter are added.
pub fn linked(chapter: &str, text: &str, terms: &[Term], met: &mut BTreeSet<String>) -> String {
    let unwanted = |slug: &str| NOT_HERE.contains(&(chapter, slug)) || (COMMON.contains(&slug) && met.contains(slug));
    let mut left: Vec<&Term> = terms.iter().filter(|term| !unwanted(&term.slug)).collect();
    let mut out = String::with_capacity(text.len() + 4_096);
    let (mut fence, mut folded, mut html) = (None::<String>, 0_usize, false);
    for line in text.lines() {
        let start = line.trim_start();
        let marks: String = start.chars().take_while(|c| *c == '`').collect();
        let fenced = fence.is_some();
        match &fence {
            Some(open) if marks == *open && start == marks => fence = None,
            None if marks.len() >= 3 => fence = Some(marks),
            _ => {}
        }
        // A block that starts with a tag is HTML up to an empty line.
        html = !start.is_empty() && (html || (start.starts_with('<') && !start.starts_with("<a ")));
        let opens = line.matches("<details").count();
        folded += opens;
        let closed = line.matches("</details>").count();
        if fenced || fence.is_some() || html || folded > 0 || start.starts_with(['#', '|']) {
            out += line;
        } else {
            out += &link_line(line, &mut left, met);
        }
        folded = folded.saturating_sub(closed);
        out.push('\n');
    }
    out
}

/// A line of prose with its links.
fn link_line(line: &str, left: &mut Vec<&Term>, met: &mut BTreeSet<String>) -> String {
    let open = outside(line);
    let lower = line.to_ascii_lowercase();
    let mut found: Vec<(usize, usize, &Term)> = Vec::new();
    for term in left.iter() {
        let places = term.forms.iter().filter_map(|form| match CODE.contains(&term.slug.as_str()) {
            true => find_code(&lower, form),
            false => find(&lower, form, &open),
        });
        if let Some((from, to)) = places.min() {
            found.push((from, to, term));
        }
    }
    // Where two lie over each other, the longer one wins; the other is linked at its next use.
    found.sort_by_key(|(from, to, _)| (*from, usize::MAX - to));
    let (mut out, mut at) = (String::new(), 0);
    for (from, to, term) in found {
        if from < at {
            continue;
        }
        let meaning = term.meaning.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let (before, word) = (&line[at..from], &line[from..to]);
        let slug = &term.slug;
        let _ =
            write!(out, "{before}<a class=\"term\" href=\"glossary.html#term-{slug}\" title=\"{meaning}\">{word}</a>");
        at = to;
        left.retain(|other| other.slug != *slug);
        met.insert(slug.clone());
    }
    out + &line[at..]
}

/// Which bytes of a line are plain prose: not code, not a link, not a tag.
fn outside(line: &str) -> Vec<bool> {
    let mut open = vec![true; line.len()];
    let mut close = |from: usize, to: usize| open[from..to].iter_mut().for_each(|one| *one = false);
    for (mark, end) in [("`", "`"), ("<", ">"), ("[", "]"), ("](", ")")] {
        let mut at = 0;
        while let Some(from) = line[at..].find(mark).map(|found| at + found) {
            let Some(length) = line[from + mark.len()..].find(end) else { break };
            let to = from + mark.len() + length + end.len();
            close(from, to);
            at = to;
        }
    }
    open
}

/// The first place of a word, or of its plural, in the prose of a line.
fn find(lower: &str, form: &str, open: &[bool]) -> Option<(usize, usize)> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    lower.match_indices(form).find_map(|(from, _)| {
        let bytes = lower.as_bytes();
        let mut to = from + form.len();
        if bytes.get(to) == Some(&b's') {
            to += 1;
        }
        let inside = (from > 0 && is_word(bytes[from - 1])) || bytes.get(to).is_some_and(|byte| is_word(*byte));
        (!inside && open[from..to].iter().all(|one| *one)).then_some((from, to))
    })
}

/// The first piece of code in a line with this word in it.
fn find_code(lower: &str, form: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    lower.split('`').enumerate().find_map(|(count, part)| {
        let from = at;
        at += part.len() + 1;
        (count % 2 == 1 && part.contains(form)).then(|| (from - 1, from + part.len() + 1))
    })
}

fn rows(glossary: &str) -> impl Iterator<Item = (&str, &str)> {
    glossary.lines().filter_map(row)
}

fn row(line: &str) -> Option<(&str, &str)> {
    let (word, meaning) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
    (word != "word").then_some((word, meaning))
}

fn slug(word: &str) -> String {
    let words = word.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// A meaning without links, orders and marks.
fn plain(meaning: &str) -> String {
    let mut out = meaning.split(" ([").next().unwrap_or("").replace('`', "");
    while let Some((before, rest)) = out.split_once("{{") {
        let after = rest.split_once("}}").map_or("", |(_, after)| after);
        out = format!("{before}{after}");
    }
    out.replace(" ()", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOSSARY: &str = "# Glossary\n\n| word | what it means here |\n|---|---|\n| chunk | a \"piece\" ([SSE](sse.md)) |\n\
                            | half-open | one end is gone |\n| `X-Y` | a field |\n| open | the rest |\n";

    #[test]
    fn each_word_has_an_address_and_a_meaning() {
        let terms = terms(GLOSSARY);
        assert_eq!(terms.len(), 4);
        assert_eq!((terms[0].slug.as_str(), terms[0].meaning.as_str()), ("chunk", "a \"piece\""));
        assert!(
            with_addresses(GLOSSARY).contains("| <span id=\"term-half-open\">half-open</span> | one end is gone |")
        );
    }

    #[test]
    fn the_first_use_in_the_text_is_a_link_and_no_other() {
        let text = "# A chunk\n\n```\nchunk\n```\n\nNo `chunk`, no [chunk](x.md), no chunky one. Chunks are half-open. A chunk.\n";
        let mut met = BTreeSet::new();
        let text = linked("x", text, &terms(GLOSSARY), &mut met);
        assert_eq!(met.iter().collect::<Vec<_>>(), ["chunk", "half-open"]);
        let link = "<a class=\"term\" href=\"glossary.html#term-chunk\" title=\"a &quot;piece&quot;\">Chunks</a>";
        assert!(text.contains(link) && text.ends_with("A chunk.\n"), "{text}");
        assert!(!text.contains("term-open"), "half-open is not open: {text}");
    }

    #[test]
    fn a_word_of_every_chapter_is_linked_once_in_the_book() {
        let terms = terms("| server | answers |\n| chunk | a piece |\n");
        let mut met = BTreeSet::new();
        let links = |text: String| text.matches("<a ").count();
        assert_eq!(links(linked("x", "A server sends a chunk.", &terms, &mut met)), 2);
        assert_eq!(links(linked("y", "A server sends a chunk.", &terms, &mut met)), 1);
    }

    #[test]
    fn a_word_that_is_code_is_linked_as_code() {
        let terms = terms("| nosniff | no guessing |\n");
        let text = linked("x", "It says `X-Type: nosniff` there.", &terms, &mut BTreeSet::new());
        assert!(text.contains("\">`X-Type: nosniff`</a> there."), "{text}");
    }

    #[test]
    fn what_is_folded_or_drawn_has_no_links() {
        let text = "<details><summary>A chunk?</summary>\n\nA chunk.\n\n</details>\n\n<figure>\n<text>chunk</text>\n</figure>\n";
        assert_eq!(linked("x", text, &terms(GLOSSARY), &mut BTreeSet::new()), text);
    }
}
