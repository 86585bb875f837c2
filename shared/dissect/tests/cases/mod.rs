//! Reads the tables of requests: `request_heads.txt` says how they are written. Included with `#[path]` by every crate
//! that has a parser of its own.

/// The cases of a table: the status of the refusal (200 where there is none) and the request.
pub fn cases(table: &str) -> impl Iterator<Item = (u16, Vec<u8>)> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (expected, request) = line.split_at(4);
        (expected.trim().parse().unwrap_or(200), unescape(request))
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, behind) = rest.split_first().expect("something behind the backslash");
        rest = behind;
        bytes.push(match escape {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => b'\0',
            b'\\' => b'\\',
            b'x' => {
                let (digits, behind) = rest.split_at(2);
                rest = behind;
                u8::from_str_radix(str::from_utf8(digits).expect("ASCII"), 16).expect("two hexadecimal digits")
            }
            other => panic!("\\{} is no escape in {text:?}", char::from(other)),
        });
    }
    bytes
}
