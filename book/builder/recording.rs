//! What `make record` wrote, read for the text: bytes and numbers.
//!
//! A recording is `book/src/wire/NAME.json`: `{"rows":[...],"named":{"ask":3},"figures":{"ask":412},"times":{}}`. The rows are those
//! of the wire view; `named` gives some of them a name for [`text`]; `figures` are numbers for [`figure`], and so are `times`,
//! which differ from run to run.

use std::fs;

use serde_json::Value;

use crate::root;

/// The recording of this name.
///
/// # Errors
/// A sentence that says what is missing.
pub fn read(name: &str) -> Result<Value, String> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain || name.is_empty() {
        return Err(format!("{name:?} is no name of a recording"));
    }
    let path = root().join("book/src/wire").join(format!("{name}.json"));
    let text =
        fs::read_to_string(&path).map_err(|error| format!("recording {name}: {error}; make record writes it"))?;
    serde_json::from_str(&text).map_err(|error| format!("recording {name}: {error}"))
}

/// A number: `longpoll.ask` is the figure `ask` of the recording `longpoll`. Written as in a sentence: `12,345`.
///
/// # Errors
/// A sentence that says what is missing.
pub fn figure(key: &str) -> Result<String, String> {
    let (name, figure) = key.split_once('.').ok_or_else(|| format!("{key:?} is not RECORDING.FIGURE"))?;
    let recording = read(name)?;
    let value = recording["figures"].get(figure).or_else(|| recording["times"].get(figure));
    match value.unwrap_or(&Value::Null) {
        Value::Number(number) => Ok(number.as_u64().map_or_else(|| number.to_string(), grouped)),
        Value::String(text) => Ok(text.clone()),
        _ => Err(format!("recording {name} has no figure {figure}")),
    }
}

/// A sum: `longpoll.ask + longpoll.empty`, `10 * polling.extra`. Each term is a figure or a plain number, and the signs `+`, `-`
/// and `*` are carried out from left to right.
///
/// # Errors
/// A sentence that says what is missing.
pub fn sum(words: &[&str]) -> Result<String, String> {
    let value = |word: &str| match word.replace(',', "").parse::<u64>() {
        Ok(number) => Ok(number),
        Err(_) => figure(word)?.replace(',', "").parse().map_err(|_| format!("{word} is no whole number")),
    };
    let (first, rest) = words.split_first().ok_or("a sum has terms: a + b")?;
    let mut total: u64 = value(first)?;
    for pair in rest.chunks(2) {
        let [sign, word] = pair else { return Err(format!("a sum does not end with {:?}", pair[0])) };
        let next = value(word)?;
        total = match *sign {
            "+" => total.checked_add(next),
            "-" => total.checked_sub(next),
            "*" => total.checked_mul(next),
            _ => return Err(format!("a sum has +, - and *, not {sign:?}")),
        }
        .ok_or_else(|| format!("{} leaves the numbers", words.join(" ")))?;
    }
    Ok(grouped(total))
}

/// The bytes of a named row as text; line ends are kept, what is not text stands as dots.
///
/// # Errors
/// A sentence that says what is missing.
pub fn text(name: &str, row: &str) -> Result<String, String> {
    let bytes = bytes_of(name, row)?;
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace(|c: char| c.is_control() && c != '\n', "·"))
}

/// The bytes of a named row in hexadecimal: `81 05 48`; of a long one the first 48.
///
/// # Errors
/// A sentence that says what is missing.
pub fn hex(name: &str, row: &str) -> Result<String, String> {
    let bytes = bytes_of(name, row)?;
    let more = if bytes.len() > 48 { " …" } else { "" };
    Ok(bytes.iter().take(48).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ") + more)
}

fn bytes_of(name: &str, row: &str) -> Result<Vec<u8>, String> {
    let recording = read(name)?;
    let number = recording["named"][row].as_u64().ok_or_else(|| format!("recording {name} names no row {row}"))?;
    let rows = recording["rows"].as_array().ok_or_else(|| format!("recording {name} has no rows"))?;
    let row = rows.iter().find(|row| row["n"] == number).ok_or_else(|| format!("recording {name}: no row {number}"))?;
    Ok(bytes(row["hex"].as_str().unwrap_or_default()))
}

/// The ladder as lines of text, for readers without the element: the recording's `.txt`.
///
/// # Errors
/// A sentence that says what is missing.
pub fn ladder(name: &str) -> Result<String, String> {
    read(name)?;
    let path = root().join("book/src/wire").join(format!("{name}.txt"));
    fs::read_to_string(path).map_err(|error| format!("recording {name}: {error}; make record writes it"))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    digits.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// 12345 → `12,345`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(412), "412");
        assert_eq!(grouped(12345), "12,345");
        assert_eq!(grouped(1234567), "1,234,567");
    }

    #[test]
    fn sums_are_added_up_from_recordings() {
        assert_eq!(sum(&["1,000", "+", "24", "*", "2"]).as_deref(), Ok("2,048"));
        let (ask, switch) = (figure("handshake.ask").unwrap(), figure("handshake.switch").unwrap());
        let both: u64 = ask.parse::<u64>().unwrap() + switch.parse::<u64>().unwrap();
        assert_eq!(sum(&["handshake.ask", "+", "handshake.switch"]), Ok(both.to_string()));
        assert!(sum(&["1", "-", "2"]).is_err() && sum(&["1", "+"]).is_err() && sum(&["nobody.nothing"]).is_err());
    }

    #[test]
    fn a_recording_that_is_not_there_is_an_error() {
        assert!(read("nothing-like-that").unwrap_err().contains("make record"));
        assert!(read("../../../etc/passwd").unwrap_err().contains("no name"));
        assert!(figure("longpoll").is_err());
    }
}
