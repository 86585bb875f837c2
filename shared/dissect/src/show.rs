//! Bytes and texts as they are shown: on a page, in the book, on a terminal.

/// Bytes as text, with U+FFFD for what is no UTF-8. `len` is how many bytes there really were: when that is more than
/// are here, a character cut in two is left out and `…` added.
pub(crate) fn text(kept: &[u8], len: u64) -> String {
    if kept.len() as u64 >= len {
        return String::from_utf8_lossy(kept).into_owned();
    }
    let whole = match std::str::from_utf8(kept) {
        Err(error) if error.error_len().is_none() => &kept[..error.valid_up_to()],
        _ => kept,
    };
    String::from_utf8_lossy(whole).into_owned() + "…"
}

/// Whether a person can read these bytes: UTF-8 (a character may be cut at either end) without control characters
/// but tab and line ends.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    // At most three bytes of a character that began earlier.
    let start = bytes.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    let valid = match std::str::from_utf8(&bytes[start..]) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[start..start + error.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return false,
    };
    (bytes.is_empty() || !valid.is_empty()) && !valid.chars().any(|c| c.is_control() && !"\t\r\n".contains(c))
}

/// Bytes as text when they are text, otherwise as in the right column of a hex dump: a point for each character that
/// cannot be shown.
pub(crate) fn printable(bytes: &[u8]) -> String {
    if is_text(bytes) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '.' }).collect()
}

/// Two hexadecimal digits a byte, with spaces between the bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !hex.is_empty() {
            hex.push(' ');
        }
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    hex
}

/// At most `max` characters for one line. What a terminal would obey or hide stands escaped.
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(max) {
        if acts_on_a_terminal(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

/// Control characters, line separators, and format characters (Unicode category Cf): these turn the writing direction or
/// cannot be seen. The two joiners are left as they are, since emoji and some scripts need them.
fn acts_on_a_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// "1 byte", "5 bytes".
pub(crate) fn bytes_of(count: u64) -> String {
    if count == 1 { "1 byte".to_string() } else { format!("{count} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_other_bytes() {
        assert!(is_text("grüß dich\r\n".as_bytes()));
        assert!(is_text(&"grüß".as_bytes()[..3]), "a character cut at the end");
        assert!(is_text(&"üß".as_bytes()[1..]), "a character cut at the start");
        assert!(!is_text(b"\x16\x03\x01"));
        assert_eq!(printable(b"\x16\x03ab"), "..ab");
        assert_eq!(text(&"aü".as_bytes()[..2], 9), "a…");
        assert_eq!(one_line("a\x1b[31m\nb", 50), "a\\u{1b}[31m\\nb");
    }
}
