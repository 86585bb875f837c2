//! The benchmark's tables as pictures: `{{#plot delay}}`, `{{#plot bytes}}` and `{{#plot silence}}`, inline SVG in the page's own
//! colours, so that both themes are right. A row has its name above its marks, so that it can be read on a narrow page.

use std::fmt::Write;

use serde_json::Value;

use crate::demos;
use crate::measured::{milliseconds, number, read_bench};
use crate::recording::grouped;

/// The drawing's width, in its own units; at 360 pixels a letter is as large as the text.
const WIDTH: f64 = 360.0;
/// From one row to the next.
const ROW: f64 = 44.0;
/// Room above the rows, for the scale and the key.
const TOP: f64 = 66.0;

/// A row of a picture.
struct Row {
    name: String,
    /// The numbers as they are written beside the name.
    numbers: String,
    marks: String,
}

/// The picture of this name.
///
/// # Errors
/// A sentence that says what was not measured, and what measures it.
pub fn plot(which: &str) -> Result<String, String> {
    let results = read_bench()?;
    let measured = results["ways"].as_array().ok_or("the benchmark's results do not have ways: make bench")?;
    let mut rows = Vec::new();
    for demo in demos::all() {
        let Some(way) = measured.iter().find(|way| way["demo"] == demo.name.as_str()) else { continue };
        let (numbers, marks) = match which {
            "delay" => delay(way),
            "bytes" => bytes(way),
            "silence" => silence(way),
            _ => return Err(format!("there is no plot {which}: delay, bytes or silence")),
        }?;
        rows.push(Row { name: demo.title, numbers, marks });
    }
    Ok(match which {
        "delay" => {
            let key = "<circle cx=\"8\" cy=\"14\" r=\"6\" fill=\"var(--ink)\"/><text x=\"20\" y=\"19\">1 client</text>\
                       <path d=\"M110 14l7 -7l7 7l-7 7z\" fill=\"var(--paper)\" stroke=\"var(--ink)\" stroke-width=\"2\"/>\
                       <text x=\"130\" y=\"19\">100 clients</text>";
            let ticks = [(100.0, "0.1 ms"), (1_000.0, "1"), (10_000.0, "10"), (100_000.0, "100"), (1_000_000.0, "1 s")];
            let title = "Half of the messages are heard within this time";
            draw(which, title, key, &ticks.map(|(us, word)| (of_delay(us), word)), &rows)
        }
        "bytes" => {
            let key = "<rect x=\"2\" y=\"6\" width=\"14\" height=\"14\" fill=\"var(--down)\"/><text x=\"22\" y=\"19\">down</text>\
                       <rect x=\"110\" y=\"6\" width=\"14\" height=\"14\" fill=\"var(--up)\"/><text x=\"130\" y=\"19\">up, to get it</text>";
            let ticks = [(0.0, "0"), (200.0, "200"), (400.0, "400"), (600.0, "600"), (800.0, "800 B")];
            draw(which, "Bytes for one message that is heard", key, &ticks.map(|(n, word)| (of_bytes(n), word)), &rows)
        }
        _ => {
            let key = "<text x=\"2\" y=\"19\">each step of the scale is ten times as much</text>";
            let ticks = [(10.0, "10 B"), (100.0, "100"), (1_000.0, "1 kB"), (10_000.0, "10"), (100_000.0, "100")];
            draw(
                which,
                "Bytes in a minute in which nothing is said",
                key,
                &ticks.map(|(n, word)| (of_silence(n), word)),
                &rows,
            )
        }
    })
}

/// Two marks on a scale of powers of ten.
fn delay(way: &Value) -> Result<(String, String), String> {
    let (one, hundred) = (number(way, "p50_us_1")?, number(way, "p50_us_100")?);
    let (a, b) = (of_delay(one), of_delay(hundred));
    let marks = format!(
        "<path d=\"M{a:.1} 0H{b:.1}\" stroke=\"var(--edge)\" stroke-width=\"2\"/>\
         <path d=\"M{:.1} 0l7 -7l7 7l-7 7z\" fill=\"var(--paper)\" stroke=\"var(--ink)\" stroke-width=\"2\"/>\
         <circle cx=\"{a:.1}\" cy=\"0\" r=\"5\" fill=\"var(--ink)\"/>",
        b - 7.0
    );
    Ok((format!("{} / {}", milliseconds(one), milliseconds(hundred)), marks))
}

/// A bar of two parts.
fn bytes(way: &Value) -> Result<(String, String), String> {
    let (down, up) = (number(way, "down_bytes")?.round(), number(way, "up_bytes")?.round());
    let (a, b) = (of_bytes(down) - of_bytes(0.0), of_bytes(up) - of_bytes(0.0));
    let marks = format!(
        "<rect x=\"{:.1}\" y=\"-7\" width=\"{a:.1}\" height=\"14\" fill=\"var(--down)\"/>\
         <rect x=\"{:.1}\" y=\"-7\" width=\"{b:.1}\" height=\"14\" fill=\"var(--up)\"/>",
        of_bytes(0.0),
        of_bytes(0.0) + a
    );
    let numbers =
        if up > 0.0 { format!("{} + {}", grouped(down as u64), grouped(up as u64)) } else { grouped(down as u64) };
    Ok((numbers, marks))
}

/// One mark on a scale of powers of ten; none for a technique that is silent.
fn silence(way: &Value) -> Result<(String, String), String> {
    let bytes = number(way, "idle_bytes_per_minute")?.round();
    if bytes < 1.0 {
        return Ok(("silent".to_string(), String::new()));
    }
    let x = of_silence(bytes);
    let marks = format!(
        "<path d=\"M{:.1} 0H{x:.1}\" stroke=\"var(--edge)\" stroke-width=\"2\"/><circle cx=\"{x:.1}\" cy=\"0\" r=\"6\" fill=\"var(--ink)\"/>",
        of_silence(10.0)
    );
    Ok((grouped(bytes as u64), marks))
}

/// From 0.1 ms to 1 s.
fn of_delay(us: f64) -> f64 {
    14.0 + (us.max(100.0) / 100.0).log10() / 4.0 * (WIDTH - 40.0)
}

/// From 0 to 900 bytes.
fn of_bytes(bytes: f64) -> f64 {
    6.0 + bytes / 900.0 * (WIDTH - 12.0)
}

/// From 10 bytes to 100 kB a minute.
fn of_silence(bytes: f64) -> f64 {
    14.0 + (bytes.max(10.0) / 10.0).log10() / 4.0 * (WIDTH - 40.0)
}

fn draw(id: &str, title: &str, key: &str, ticks: &[(f64, &str)], rows: &[Row]) -> String {
    let height = TOP + ROW * rows.len() as f64 + 4.0;
    let desc: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.name, row.numbers)).collect();
    let mut out = format!(
        "<figure class=\"plot\"><svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-labelledby=\"plot-{id}-title plot-{id}-desc\" \
         font-family=\"system-ui, sans-serif\" font-size=\"15\" fill=\"currentColor\">\
         <title id=\"plot-{id}-title\">{title}</title><desc id=\"plot-{id}-desc\">{}.</desc>{key}",
        desc.join("; ")
    );
    for (x, word) in ticks {
        let anchor = if *x < 20.0 { "start" } else { "middle" };
        let at = if *x < 20.0 { 2.0 } else { x.min(WIDTH - 22.0) };
        let _ = write!(
            out,
            "<text x=\"{at:.1}\" y=\"46\" text-anchor=\"{anchor}\" font-size=\"14\" fill=\"var(--soft)\">{word}</text>\
             <path d=\"M{x:.1} 52V{height:.0}\" stroke=\"var(--rule)\"/>"
        );
    }
    for (at, row) in rows.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        // The paper behind the words hides the scale's lines.
        let _ = write!(
            out,
            "<rect x=\"0\" y=\"{:.0}\" width=\"{WIDTH:.0}\" height=\"20\" fill=\"var(--paper)\"/><text x=\"2\" y=\"{:.0}\">{}</text>\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text><g transform=\"translate(0 {:.0})\">{}</g>",
            y,
            y + 15.0,
            row.name,
            WIDTH - 2.0,
            y + 15.0,
            row.numbers,
            y + 30.0,
            row.marks
        );
    }
    let caption = match id {
        "delay" => "From said to heard: one client, then a hundred. Each step of the scale is ten times as long.",
        "bytes" => "Bytes for one message that is heard, down, and up to get it.",
        _ => "Bytes in a minute in which nothing is said.",
    };
    out + &format!("</svg><figcaption>{caption} The table has the numbers.</figcaption></figure>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_a_picture_that_says_its_numbers() {
        for which in ["delay", "bytes", "silence"] {
            let svg = plot(which).unwrap();
            assert!(svg.contains("role=\"img\"") && svg.contains("<desc id="), "{which}");
            assert!(svg.contains("Server-Sent Events: "), "{which} in words: {svg}");
            assert!(!svg.contains("NaN"), "{svg}");
        }
        assert!(plot("sideways").is_err());
    }
}
