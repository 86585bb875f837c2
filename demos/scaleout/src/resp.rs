//! Machinery: RESP, the protocol of Redis. A command is an array of strings, and so are most answers.
//!
//! ```text
//! *2\r\n$4\r\nXLEN\r\n$4\r\nroom\r\n     two strings: XLEN, room
//! :12\r\n                            a number;  +OK\r\n a word;  -ERR ...\r\n an error
//! $5\r\nhello\r\n                     a string of 5 bytes;  $-1\r\n and *-1\r\n are nothing
//! ```
//!
//! Source: the Redis serialization protocol specification, RESP2 (redis.io/docs).

use std::io::{self, BufRead, Read};

/// The longest string in an answer, in bytes.
const MAX_STRING: usize = 1 << 20;

/// The longest list in an answer.
const MAX_LIST: usize = 10_000;

/// How deep lists may stand in lists.
const MAX_DEPTH: usize = 8;

/// The longest line: a word, a number, an error, a length.
const MAX_LINE: u64 = 4_096;

/// What Redis answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RespValue {
    /// A word or a string. What Redis keeps for us is UTF-8.
    Text(String),
    /// A number.
    Number(i64),
    /// A list.
    List(Vec<RespValue>),
    /// Nothing is there.
    Nothing,
}

impl RespValue {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let RespValue::Text(text) = self { Some(text) } else { None }
    }

    /// The list; empty when it is none.
    pub fn list(&self) -> &[RespValue] {
        if let RespValue::List(list) = self { list } else { &[] }
    }
}

/// The bytes of a command.
pub fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes += &format!("${}\r\n{word}\r\n", word.len());
    }
    bytes.into_bytes()
}

/// Reads one answer.
///
/// # Errors
/// When the connection ends, when the bytes are no RESP, and when Redis answers with an error.
pub fn read(from: &mut impl BufRead) -> io::Result<RespValue> {
    read_at(from, MAX_DEPTH)
}

fn read_at(from: &mut impl BufRead, depth: usize) -> io::Result<RespValue> {
    let line = line(from)?;
    let (kind, rest) = line.split_at_checked(1).ok_or_else(|| no_resp("an empty line"))?;
    match kind {
        "+" => Ok(RespValue::Text(rest.to_string())),
        "-" => Err(io::Error::other(format!("Redis says: {rest}"))),
        ":" => rest.parse().map(RespValue::Number).map_err(|_| no_resp("what should be a number")),
        "$" | "*" if rest == "-1" => Ok(RespValue::Nothing),
        "$" => {
            let mut bytes = vec![0; length(rest, MAX_STRING)? + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(bytes.len() - 2);
            String::from_utf8(bytes)
                .map(RespValue::Text)
                .map_err(|_| no_resp("a string not in UTF-8"))
        }
        "*" if depth > 0 => {
            let items = 0..length(rest, MAX_LIST)?;
            items.map(|_| read_at(from, depth - 1)).collect::<io::Result<_>>().map(RespValue::List)
        }
        _ => Err(no_resp("an unknown kind of answer")),
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(MAX_LINE).read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_string()),
        None if line.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(no_resp("a line without its end")),
    }
}

fn length(text: &str, most: usize) -> io::Result<usize> {
    let length = text.parse().ok().filter(|length| *length <= most);
    length.ok_or_else(|| no_resp("a length out of bounds"))
}

fn no_resp(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("this is no Redis: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: &str) -> io::Result<RespValue> {
        read(&mut bytes.as_bytes())
    }

    #[test]
    fn a_command_is_an_array_of_strings_with_their_lengths_in_bytes() {
        assert_eq!(command(&["XLEN", "é"]), "*2\r\n$4\r\nXLEN\r\n$2\r\né\r\n".as_bytes());
    }

    #[test]
    fn every_kind_of_answer_is_read() {
        assert_eq!(reply("+OK\r\n").unwrap(), RespValue::Text("OK".to_string()));
        assert_eq!(reply(":-7\r\n").unwrap(), RespValue::Number(-7));
        assert_eq!(reply("$4\r\na\r\nb\r\n").unwrap(), RespValue::Text("a\r\nb".to_string()));
        assert_eq!(reply("$-1\r\n").unwrap(), RespValue::Nothing);
        let list =
            RespValue::List(vec![RespValue::List(vec![RespValue::Number(1)]), RespValue::Nothing]);
        assert_eq!(reply("*2\r\n*1\r\n:1\r\n*-1\r\n").unwrap(), list);
        assert!(reply("-ERR no\r\n").unwrap_err().to_string().contains("ERR no"));
    }

    #[test]
    fn an_answer_that_is_no_resp_is_an_error_and_costs_no_memory() {
        let deep = "*1\r\n".repeat(100_000);
        let long = "+".repeat(100_000);
        for bad in [
            "",
            "\r\n",
            "?x\r\n",
            "$x\r\n",
            "$-2\r\n",
            "$99999999999\r\n",
            "*4000000000\r\n",
            "$5\r\nab",
            ":x\r\n",
        ]
        .into_iter()
        .chain([deep.as_str(), long.as_str()])
        {
            assert!(reply(bad).is_err(), "{:.20}", bad);
        }
    }
}
