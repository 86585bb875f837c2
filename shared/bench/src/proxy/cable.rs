//! The cable: what a learner may do to the connections without being root.

use std::fmt;
use std::time::{Duration, Instant};

/// The longest delay, in milliseconds.
const MAX_DELAY: u64 = 60_000;

/// The longest time that a proxy leaves a silent connection alone, in seconds.
const MAX_IDLE: u64 = 3_600;

/// What a cable does to the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Lets them through.
    #[default]
    Whole,
    /// Keeps them, and the ends of connections too, until it is repaired.
    Cut,
    /// Lets each through after this time: what goes there and back takes twice as long.
    Delay(Duration),
    /// Lets them through one by one, each in a write of its own, with this time between them.
    Drip(Duration),
    /// Keeps an answer until it is complete or 16 KiB long, as a buffering proxy does. Requests pass.
    Hold,
    /// Flips one bit in each piece that passes, as a faulty box does whose checksums are computed after the fault.
    Garble,
    /// Takes `Upgrade` out of requests, as an old proxy does that passes on what it knows only.
    NoUpgrade,
    /// Tears a connection down with a RST each way when nothing has passed for this time, as a load balancer does.
    Idle(Duration),
    /// Forgets a connection when nothing has passed for this time, as a NAT does: from then on every byte is lost, each way
    /// and without a word. A repair does not bring a forgotten connection back.
    Forget(Duration),
}

impl Fault {
    /// Whether bytes may leave the cable as soon as they come.
    pub fn lets_pass(self) -> bool {
        !matches!(self, Fault::Cut | Fault::Delay(_) | Fault::Drip(_) | Fault::Hold)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Fault::Whole => write!(f, "whole"),
            Fault::Cut => write!(f, "cut"),
            Fault::Delay(time) => write!(f, "delay {}", time.as_millis()),
            Fault::Drip(time) => write!(f, "drip {}", time.as_millis()),
            Fault::Hold => write!(f, "hold"),
            Fault::Garble => write!(f, "garble"),
            Fault::NoUpgrade => write!(f, "no-upgrade"),
            Fault::Idle(time) => write!(f, "idle {}", time.as_secs_f64()),
            Fault::Forget(time) => write!(f, "forget {}", time.as_secs_f64()),
        }
    }
}

/// Something to do to the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Puts a fault into it and leaves it there.
    Set(Fault),
    /// Tears connections down with a RST each way, once.
    Reset,
    /// Makes it whole again.
    Repair,
}

impl Order {
    /// Reads an order as the page and `curl` send it: `cut`, `delay 300`, `idle 30`, `repair`.
    ///
    /// # Errors
    /// A sentence that says what an order looks like.
    pub fn parse(words: &str) -> Result<Order, String> {
        let mut words = words.split_whitespace();
        let (word, number) = (words.next().unwrap_or(""), words.next());
        let millis = |default: u64| match number.map_or(Ok(default), str::parse) {
            Ok(millis) if millis <= MAX_DELAY => Ok(Duration::from_millis(millis)),
            _ => Err(format!("{word} takes a number of milliseconds, {MAX_DELAY} at most.")),
        };
        let seconds = || match number.map_or(Ok(30.0), str::parse) {
            Ok(seconds @ 0.1..) if seconds <= MAX_IDLE as f64 => Ok(Duration::from_secs_f64(seconds)),
            _ => Err(format!("{word} takes a number of seconds, from 0.1 to {MAX_IDLE}.")),
        };
        let fault = match word {
            "reset" => return Ok(Order::Reset),
            "repair" => return Ok(Order::Repair),
            "cut" => Fault::Cut,
            "delay" => Fault::Delay(millis(300)?),
            "drip" => Fault::Drip(millis(20)?),
            "hold" => Fault::Hold,
            "garble" => Fault::Garble,
            "no-upgrade" => Fault::NoUpgrade,
            "idle" => Fault::Idle(seconds()?),
            "forget" => Fault::Forget(seconds()?),
            _ => {
                let words = "cut, reset, delay MS, drip MS, hold, garble, no-upgrade, idle S, forget S, repair";
                return Err(format!("The cable knows: {words}."));
            }
        };
        Ok(Order::Set(fault))
    }
}

/// The cable of a demo, or of one of its connections.
#[derive(Clone, Copy, Debug)]
pub struct Cable {
    /// What it does now.
    pub fault: Fault,
    /// When that was ordered.
    pub since: Instant,
}

impl Cable {
    /// A cable that does this from now on.
    pub fn new(fault: Fault) -> Self {
        Cable { fault, since: Instant::now() }
    }
}

/// Flips the lowest bit of one byte, and says which: a letter of the message becomes its neighbour.
///
/// The byte is the last letter of the first string behind `"text":` or, where there is none, of the whole piece. A letter
/// is one whose neighbour is a letter too; the last byte of a character outside ASCII counts, since its neighbour is a
/// character too. HTTP heads, and the header of a WebSocket frame, pass as they are.
pub fn garble(piece: &mut [u8]) -> Option<usize> {
    let head = piece.starts_with(b"HTTP/1.") || find(piece, b" HTTP/1.").is_some();
    let mut from = if head { find(piece, b"\r\n\r\n")? + 4 } else { 0 };
    // A masked frame (RFC 6455, 5.2): flipping a masked bit flips the bit of the letter below the mask.
    let frame = piece.get(from..).unwrap_or_default();
    let masked = frame.len() > 6 && frame[0] & 0x70 == 0 && matches!(frame[0] & 0x8f, 0x81 | 0x82) && frame[1] >= 0x80;
    let mut plain = piece.to_vec();
    if masked {
        let longer_length = match frame[1] {
            0xfe => 2,
            0xff => 8,
            _ => 0,
        };
        let key_at = from + 2 + longer_length;
        let key: Vec<u8> = plain.get(key_at..key_at + 4)?.to_vec();
        from = key_at + 4;
        plain[from..].iter_mut().enumerate().for_each(|(at, byte)| *byte ^= key[at % 4]);
    }
    let text = find(&plain[from..], b"\"text\":\"").map(|at| from + at + 8);
    let end = text.and_then(|at| plain[at..].iter().position(|&byte| byte == b'"').map(|length| at + length));
    let range = text.unwrap_or(from)..end.unwrap_or(plain.len());
    let letter = |byte: u8| matches!(byte, b'b'..=b'y' | b'B'..=b'Y' | 0x80..=0xbf);
    let at = plain[range.clone()].iter().rposition(|&byte| letter(byte))? + range.start;
    piece[at] ^= 1;
    Some(at)
}

/// Takes `Upgrade`, and the word `upgrade` in `Connection`, out of a request's head.
pub fn without_upgrade(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len());
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        let text = String::from_utf8_lossy(line).to_ascii_lowercase();
        if text.starts_with("upgrade:") {
            continue;
        }
        match text.strip_prefix("connection:") {
            Some(words) if words.contains("upgrade") => {
                let rest: Vec<&str> = words.split(',').map(str::trim).filter(|word| *word != "upgrade").collect();
                let rest = if rest.is_empty() { "close".to_string() } else { rest.join(", ") };
                out.extend_from_slice(format!("Connection: {rest}\r\n").as_bytes());
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}

/// Where these bytes stand first.
pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_as_they_are_written() {
        assert_eq!(Order::parse("cut"), Ok(Order::Set(Fault::Cut)));
        assert_eq!(Order::parse("delay 300\n"), Ok(Order::Set(Fault::Delay(Duration::from_millis(300)))));
        assert_eq!(Order::parse("drip"), Ok(Order::Set(Fault::Drip(Duration::from_millis(20)))));
        for words in ["cut", "delay 300", "drip 20", "hold", "garble", "no-upgrade", "idle 30", "forget 0.5"] {
            assert!(matches!(Order::parse(words), Ok(Order::Set(fault)) if fault.to_string() == words), "{words}");
        }
        for wrong in ["delay soon", "delay 999999", "idle 0", "idle NaN", "idle inf", "forget -1", "idle 4000"] {
            assert!(Order::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Order::parse("explode").unwrap_err().contains("repair"));
    }

    fn garbled(piece: &str) -> String {
        let mut bytes = piece.as_bytes().to_vec();
        garble(&mut bytes);
        String::from_utf8(bytes).expect("still UTF-8")
    }

    #[test]
    fn a_garbled_letter_is_another_letter_and_a_head_passes_as_it_is() {
        assert_eq!(garbled("id: 7\ndata: hello\n\n"), "id: 7\ndata: helln\n\n");
        assert_eq!(garbled("{\"text\":\"hello\",\"at\":17}"), "{\"text\":\"helln\",\"at\":17}");
        assert_eq!(garbled("data: \u{4f60}\n"), "data: \u{4f61}\n");
        assert_eq!(garbled("HTTP/1.1 200 OK\r\nDate: x\r\n\r\nyes"), "HTTP/1.1 200 OK\r\nDate: x\r\n\r\nyer");
        assert_eq!(garbled("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(garbled("123 \n"), "123 \n");
    }

    #[test]
    fn a_masked_frame_is_garbled_below_its_mask() {
        let (key, text) = ([1, 2, 3, 4], b"{\"text\":\"hello\"}");
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 1, 2, 3, 4];
        frame.extend(text.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]));
        garble(&mut frame);
        let plain: Vec<u8> = frame[6..].iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
        assert_eq!(plain, b"{\"text\":\"helln\"}");
    }

    #[test]
    fn an_old_proxy_passes_a_request_without_its_upgrade() {
        let head = b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n";
        assert_eq!(without_upgrade(head), b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    }
}
