//! What holds for any frames and any bytes, tried with a hundred thousand of them. A failure names its seed.

use frames::close::{Close, may_be_sent};
use frames::frame::{Opcode, write_frame};
use frames::message::{DataMessage, Incoming, Receiver, Role};

const LIMIT: usize = 1_000;

/// Numbers that look random and are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A length near the places where something changes.
    fn length(&mut self, most: usize) -> usize {
        [0, 1, 125, 126, 127, most, self.below(most + 1)][self.below(7)].min(most)
    }

    fn text(&mut self, most: usize) -> String {
        let length = self.length(most);
        let mut text = String::new();
        while text.len() < length {
            text.push(['a', '\u{e9}', '\u{20ac}', '\u{1f980}', '\0'][self.below(5)]);
        }
        while text.len() > most {
            text.pop();
        }
        text
    }
}

/// Everything that an endpoint makes of bytes that arrive in pieces, and the code it fails with.
fn receive(role: Role, pieces: &[&[u8]]) -> (Vec<Incoming>, Option<u16>) {
    let mut receiver = Receiver::new(role, LIMIT);
    let (mut unread, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            match receiver.receive(&mut unread) {
                Ok((0, None)) => break,
                Ok((taken, event)) => {
                    unread.drain(..taken);
                    events.extend(event);
                }
                Err(failure) => return (events, Some(failure.code)),
            }
        }
    }
    (events, None)
}

/// Cuts bytes into pieces, as TCP may.
fn cut<'a>(dice: &mut Dice, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let most = [1, 3, 20, 2_000][dice.below(4)];
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + dice.below(most)).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// A few messages and control frames, and their bytes in frames of any length, control frames between the fragments.
fn conversation(dice: &mut Dice, role: Role) -> (Vec<Incoming>, Vec<u8>) {
    let (mut events, mut wire) = (Vec::new(), Vec::new());
    for _ in 0..dice.below(6) {
        let message = if dice.below(2) == 0 {
            DataMessage::Text(dice.text(LIMIT))
        } else {
            DataMessage::Binary({
                let length = dice.length(LIMIT);
                dice.bytes(length)
            })
        };
        let (mut opcode, mut payload) = match &message {
            DataMessage::Text(text) => (Opcode::Text, text.as_bytes()),
            DataMessage::Binary(bytes) => (Opcode::Binary, &bytes[..]),
        };
        loop {
            while dice.below(4) == 0 {
                let length = dice.length(125);
                let control = dice.bytes(length);
                let ping = dice.below(2) == 0;
                frame(
                    dice,
                    role,
                    &mut wire,
                    true,
                    if ping { Opcode::Ping } else { Opcode::Pong },
                    &control,
                );
                events.push(if ping { Incoming::Ping(control) } else { Incoming::Pong(control) });
            }
            let last = dice.below(3) == 0;
            let here = if last { payload.len() } else { dice.length(payload.len()) };
            frame(dice, role, &mut wire, last, opcode, &payload[..here]);
            (opcode, payload) = (Opcode::Continuation, &payload[here..]);
            if last {
                break;
            }
        }
        events.push(Incoming::Message(message));
    }
    if dice.below(2) == 0 {
        let close = Close { code: Some(1000), reason: dice.text(123) };
        frame(dice, role, &mut wire, true, Opcode::Close, &close.serialize());
        events.push(Incoming::Close(close));
    }
    (events, wire)
}

/// One frame of the other end than `role`'s.
fn frame(
    dice: &mut Dice,
    role: Role,
    wire: &mut Vec<u8>,
    fin: bool,
    opcode: Opcode,
    payload: &[u8],
) {
    let key = (role == Role::Server).then(|| dice.next().to_be_bytes()[..4].try_into().unwrap());
    write_frame(wire, fin, opcode, key, payload);
}

fn role(dice: &mut Dice) -> Role {
    [Role::Server, Role::Client][dice.below(2)]
}

#[test]
fn any_frames_in_any_fragments_in_any_reads_are_the_messages_that_were_sent() {
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let role = role(&mut dice);
        let (events, wire) = conversation(&mut dice, role);
        let pieces = cut(&mut dice, &wire);
        assert_eq!(receive(role, &pieces), (events, None), "seed {seed}");
    }
}

#[test]
fn any_bytes_are_messages_or_a_clean_close_code_and_the_same_however_they_arrive() {
    for seed in 0..30_000 {
        let mut dice = Dice(seed);
        let role = role(&mut dice);
        let bytes = if dice.below(3) == 0 {
            let length = dice.below(200);
            dice.bytes(length)
        } else {
            // Real frames with a few bits turned: these come further than noise does.
            let (_, mut wire) = conversation(&mut dice, role);
            for _ in 0..dice.below(4) {
                if !wire.is_empty() {
                    let at = dice.below(wire.len().min(40));
                    wire[at] ^= 1 << dice.below(8);
                }
            }
            wire
        };
        let (events, code) = receive(role, &[&bytes]);
        assert!(code.is_none_or(may_be_sent), "seed {seed}: {code:?}");
        let pieces = cut(&mut dice, &bytes);
        assert_eq!(receive(role, &pieces), (events, code), "seed {seed}");
    }
}

/// What an endpoint keeps is bounded by what has arrived, whatever a head promises.
#[test]
#[cfg(target_os = "linux")]
fn a_promise_of_many_bytes_costs_nothing() {
    let size = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmSize:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap() // KiB, mapped, used or not
    };
    let before = size();
    let mut receivers = Vec::new();
    for _ in 0..1_000 {
        let mut receiver = Receiver::new(Role::Server, 16 << 20);
        let mut head = [0x82, 0xFF, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, b'x']; // 16 MiB, of which one byte comes
        assert_eq!(receiver.receive(&mut head), Ok((15, None)));
        receivers.push(receiver);
    }
    let grown = size().saturating_sub(before);
    assert!(grown < 1024 * 1024, "a thousand promises of 16 MiB took {grown} KiB");
}
