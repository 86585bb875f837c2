//! What a name may be, of a member and of a room, and how it is read from an address.

/// The longest name, in characters.
pub const MAX_NAME: usize = 20;

/// What a name may be, in a sentence.
pub const RULE: &str = "A name has 1 to 20 letters, digits, spaces, dots, hyphens or underscores.";

/// Letters that nothing is drawn for: they fill places of a Korean syllable.
const UNSEEN: &str = "\u{115f}\u{1160}\u{3164}\u{ffa0}";

/// The name, if it is one. Letters of any script, and no control character: none that turns the direction of the text, for
/// one. Letters of two scripts may still look alike.
pub fn name(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let text = words.join(" "); // a page shows many spaces as one
    let fits = |c: char| (c.is_alphanumeric() || " .-_".contains(c)) && !UNSEEN.contains(c);
    let length = text.chars().take(MAX_NAME + 1).count();
    ((1..=MAX_NAME).contains(&length) && text.chars().all(fits)).then_some(text)
}

/// Whether two names are taken for one.
pub fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The name itself when it is free, or with the first number that makes it free: `ann-2`.
pub fn free(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{wanted}-{number}"));
    let mut names = std::iter::once(wanted.to_string()).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}

/// A value of an address as it was before it was written there: `Zo%C3%AB` is `Zoë` (RFC 3986, 2.1). `None` when it is no
/// text.
pub fn percent_decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || (rest.next()? as char).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_can_be_seen() {
        for good in ["ann", " ann ", "Zoë", "周", "a b", "x.y-z_1", &"n".repeat(20)] {
            assert_eq!(name(good).as_deref(), Some(good.trim()));
        }
        assert_eq!(name("a   b").as_deref(), Some("a b"), "the two would look the same");
        let bad = [
            "",
            "  ",
            "a\nb",
            "<b>",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{3164}",
            "ann\u{3164}",
            "ann\u{ffa0}",
            "\u{7}",
            &"n".repeat(21),
            &"n".repeat(1 << 20),
        ];
        for bad in bad {
            assert_eq!(name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let taken = ["ann", "ann-2"];
        assert_eq!(free("Ann", |name| taken.iter().any(|other| same(other, name))), "Ann-3");
        assert_eq!(free("bob", |name| taken.contains(&name)), "bob");
    }

    #[test]
    fn a_value_of_an_address_is_read_back() {
        assert_eq!(percent_decoded("Zo%C3%AB").as_deref(), Some("Zoë"));
        assert_eq!(percent_decoded("a%20b").as_deref(), Some("a b"));
        for bad in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }
}
