//! Promises that hold for every protocol: any split gives the same units, no bytes break anything.

use super::*;

/// A small generator of repeatable numbers (splitmix64).
struct NumberSource(u64);

impl NumberSource {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `below` - 1.
    fn roll(&mut self, below: usize) -> usize {
        (self.next() % below.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// What went over a connection: who spoke, and what.
type Script = Vec<(Dir, Vec<u8>)>;

/// Feeds a script with every turn split at random, checks each unit, and gives all of them by direction.
fn units(script: &Script, dice: &mut NumberSource, most: usize) -> [Vec<Unit>; 2] {
    let mut dissector = Dissector::new();
    let mut all = Vec::new();
    for (dir, bytes) in script {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(1 + dice.roll(rest.len().min(most)));
            rest = later;
            all.extend(dissector.feed(*dir, now));
            if dice.roll(30) > 0 {
                continue;
            }
            for dir in [Dir::Up, Dir::Down] {
                if let Some(unit) = dissector.pending(dir) {
                    check(&unit);
                    assert!(!unit.whole);
                }
            }
        }
    }
    for dir in [Dir::Up, Dir::Down] {
        all.extend(dissector.end(dir));
        assert_eq!(dissector.pending(dir), None);
    }
    let mut sides = [Vec::new(), Vec::new()];
    for unit in all {
        check(&unit);
        sides[(unit.dir == Dir::Down) as usize].push(unit);
    }
    for (side, dir) in sides.iter().zip([Dir::Up, Dir::Down]) {
        let mut at = 0;
        for unit in side {
            assert_eq!(unit.from, at, "units follow each other without a gap: {}", unit.meaning);
            at = unit.to;
        }
        let sent: usize = script.iter().filter(|(d, _)| *d == dir).map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(at, sent as u64, "every byte is in a unit");
    }
    sides
}

/// What holds for every unit.
fn check(unit: &Unit) {
    assert!(unit.to > unit.from, "an empty unit: {unit:?}");
    assert_eq!(unit.bytes.len() as u64, unit.size().min(KEEP as u64));
    let mut at = 0;
    for field in &unit.fields {
        assert!(field.from == at && field.to > at, "fields have a gap or overlap: {unit:?}");
        assert!(!field.name.is_empty());
        at = field.to;
    }
    assert_eq!(at, unit.bytes.len(), "fields do not cover the unit: {unit:?}");
    assert!(!unit.meaning.is_empty() && unit.meaning.len() < 1200 && !unit.meaning.contains(char::is_control));
}

/// Any split of this script gives the same units.
fn same_however_split(script: &Script, seed: u64) {
    let mut dice = NumberSource(seed);
    let merged = units(script, &mut dice, usize::MAX);
    let size: usize = script.iter().map(|(_, bytes)| bytes.len()).sum();
    for most in [1, 2, 3, 7, 50, 1000, 20_000].into_iter().filter(|most| size / most < 5000) {
        let split = units(script, &mut dice, most);
        for (one, other) in split.iter().flatten().zip(merged.iter().flatten()) {
            assert_eq!(one, other, "seed {seed}, reads of at most {most}");
        }
        assert_eq!(split, merged, "seed {seed}, reads of at most {most}");
    }
}

fn meanings(dissector: &mut Dissector, dir: Dir, bytes: &[u8]) -> Vec<String> {
    dissector
        .feed(dir, bytes)
        .into_iter()
        .inspect(check)
        .map(|unit| format!("{}: {}", unit.kind, unit.meaning))
        .collect()
}

fn body(dice: &mut NumberSource) -> (&'static str, Vec<u8>) {
    let longest = *dice.pick(&[3, 60, 60, 300, 300, 6000, 40_000]);
    let size = dice.roll(longest);
    match dice.roll(8) {
        0 => ("text/plain", "grüß dich, 🙂 ".bytes().cycle().take(size).collect()),
        1 => ("application/json", b"{\"messages\":[]} ".iter().copied().cycle().take(size).collect()),
        2 => ("application/octet-stream", dice.bytes(size)),
        3 => {
            let lines =
                ["id: 7", "data: hello", "data: grüß", "data", ": beat", "retry: 2000", "event: gap", "x: y", ""];
            let ends = *dice.pick(&[&["\n"][..], &["\r\n"], &["\r"], &["\r", "\n", "\r\n"]]);
            let mut stream = String::new();
            while stream.len() < size {
                stream += *dice.pick(&lines);
                stream += *dice.pick(ends);
            }
            ("text/event-stream", stream.into_bytes())
        }
        4 => (
            "application/x-ndjson",
            b"{\"id\":1}\n{\"id\":2,\"text\":\"x\"}\r\n\n".iter().copied().cycle().take(size).collect(),
        ),
        5 => {
            let script = "/**/jsonp_3({\"messages\":[{\"text\":\"(a);\"}]});\n";
            let start = *dice.pick(&["", "", "{ f(1) }", "no call at all, however long one waits for it "]);
            ("application/javascript", (start.to_string() + &script.repeat(size / 40 + 1)).into_bytes())
        }
        6 => {
            let pieces = [
                "<script>",
                "a('</p>')",
                "</script>",
                "</SCRIPT\n>",
                "</scripture>",
                "<!--",
                "...",
                "-->",
                "<b>",
                "<\0/",
            ];
            let mut page = String::from("<!doctype html>\n");
            while page.len() < size {
                page += *dice.pick(&pieces);
            }
            ("text/html; charset=utf-8", page.into_bytes())
        }
        _ => {
            let part = "--cut\r\nContent-Type: text/plain\r\n\r\nfirst\r\nline\r\n--cut\r\n\r\n--cutnot\r\n--cut\r\nContent-Length: 9\r\n\r\n--cut\r\n--\r\n";
            ("multipart/x-mixed-replace; boundary=cut", part.bytes().cycle().take(size).collect())
        }
    }
}

/// A message with a body, framed in one of the ways there are. The last way ends with the connection.
fn message(dice: &mut NumberSource, start: &str, ways: usize) -> (Vec<u8>, usize) {
    let (kind, content) = body(dice);
    let mut bytes =
        format!("{start}\r\nContent-Type: {kind}\r\nX-Long: {}\r\n", "x".repeat(dice.roll(20))).into_bytes();
    let way = dice.roll(ways);
    match way {
        0 => {
            bytes.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes());
            bytes.extend(content);
        }
        1 => {
            bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            let mut rest = &content[..];
            while !rest.is_empty() {
                let most = *dice.pick(&[1, 5, 30, 5000, 40_000]);
                let (now, later) = rest.split_at(1 + dice.roll(rest.len().min(most)));
                rest = later;
                bytes.extend(format!("{:x}{}\r\n", now.len(), dice.pick(&["", ";x=y"])).bytes());
                bytes.extend(now);
                bytes.extend(b"\r\n");
            }
            bytes.extend(format!("0\r\n{}\r\n", dice.pick(&["", "Server-Timing: x\r\n"])).bytes());
        }
        _ => {
            bytes.extend(b"\r\n");
            bytes.extend(content);
        }
    }
    (bytes, way)
}

/// A WebSocket frame, mostly a right one.
fn frame(dice: &mut NumberSource, masked: bool) -> Vec<u8> {
    let first = *dice.pick(&[0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a, 0xc3]);
    let length = *dice.pick(&[0, 1, 2, 2, 5, 5, 7, 125, 126, 300, 5000, 66_000]);
    let length = if first & 8 == 0 { length } else { length.min(126) };
    let mask = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match (length, dice.roll(9)) {
        (0..=125, 1..) => bytes.push(mask | length as u8),
        (126..=0xffff, 1..) => {
            bytes.push(mask | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    if masked {
        bytes.extend(dice.bytes(4));
    }
    bytes.extend("grüß dich, 🙂 ".bytes().cycle().take(length));
    bytes
}

/// Requests and answers as browsers and servers exchange them, and some that they should not.
fn conversation(dice: &mut NumberSource) -> Script {
    let mut script = Script::new();
    for _ in 0..1 + dice.roll(4) {
        let (mut asks, mut answers) = (Vec::new(), Vec::new());
        for _ in 0..1 + dice.roll(3) {
            match dice.roll(8) {
                0 => {
                    asks.extend(b"HEAD / HTTP/1.1\r\n\r\n");
                    answers.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nContent-Type: text/html\r\n\r\n");
                }
                1 => {
                    asks.extend(b"\r\nGET /wait?after=7 HTTP/1.1\r\nHost: x\r\n\r\n");
                    answers.extend(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
                }
                2 => {
                    asks.extend(message(dice, "POST /say HTTP/1.1", 2).0);
                    answers.extend(message(dice, "HTTP/1.1 201 Created", 2).0);
                }
                3 => {
                    asks.extend(b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
                    asks.extend((0..dice.roll(5)).flat_map(|_| frame(dice, true)).collect::<Vec<u8>>());
                    answers.extend(*dice.pick(&[
                        &b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"[..],
                        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
                        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno",
                        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n\r\n",
                    ]));
                    answers.extend((0..dice.roll(5)).flat_map(|_| frame(dice, false)).collect::<Vec<u8>>());
                }
                4 if dice.roll(4) == 0 => asks.extend(b"GET / HTTP/1.1\r\nno colon here\r\n\r\n"),
                5 if dice.roll(4) == 0 => {
                    let count = dice.roll(300);
                    answers.extend(dice.bytes(count));
                }
                _ => {
                    asks.extend(b"GET /messages HTTP/1.1\r\nHost: x\r\n\r\n");
                    answers.extend(message(dice, "HTTP/1.1 200 OK", 9).0);
                }
            }
        }
        script.push((Dir::Up, asks));
        script.push((Dir::Down, answers));
    }
    script
}

#[test]
fn any_split_of_a_conversation_gives_the_same_units() {
    for seed in 0..100 {
        same_however_split(&conversation(&mut NumberSource(seed)), seed);
    }
}

#[test]
fn any_split_of_a_websocket_gives_the_same_frames() {
    for seed in 0..60 {
        let mut dice = NumberSource(seed);
        let ask = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let mut script = vec![(Dir::Up, ask), (Dir::Down, answer)];
        for _ in 0..dice.roll(6) {
            for dir in [Dir::Up, Dir::Down] {
                script.push((dir, (0..dice.roll(4)).flat_map(|_| frame(&mut dice, dir == Dir::Up)).collect()));
            }
        }
        let frames: usize = script[2..].iter().filter(|(_, bytes)| !bytes.is_empty()).count();
        same_however_split(&script, seed);
        let all = units(&script, &mut dice, 9000);
        assert!(all.iter().flatten().skip(2).all(|unit| unit.kind == "frame" || unit.kind == "response"));
        assert!(all.iter().flatten().count() >= 2 + frames);
    }
}

#[test]
fn rubbish_breaks_nothing_and_splits_alike() {
    for seed in 0..100 {
        let mut dice = NumberSource(seed);
        let mut script = conversation(&mut dice);
        for (_, bytes) in &mut script {
            for _ in 0..dice.roll(4) {
                let at = dice.roll(bytes.len());
                if bytes.is_empty() {
                    continue;
                }
                match dice.roll(4) {
                    0 => bytes[at] = dice.next() as u8,
                    1 => bytes.truncate(at + 1),
                    2 => drop(bytes.splice(at..at, dice.bytes(3))),
                    _ => drop(bytes.splice(at..at, *b"\r\n\r\n")),
                }
            }
        }
        same_however_split(&script, seed);
    }
}

#[test]
fn bytes_that_nobody_saw_leave_units_that_follow_each_other() {
    for seed in 0..300 {
        let mut dice = NumberSource(seed);
        let mut dissector = Dissector::new();
        let mut at = [0; 2];
        let mut seen = Vec::new();
        for (dir, bytes) in conversation(&mut dice) {
            for piece in bytes.chunks(1 + dice.roll(2000)) {
                let lost = dice.roll(5) == 0;
                seen.extend(if lost { dissector.lost(dir, piece.len() as u64) } else { dissector.feed(dir, piece) });
            }
        }
        seen.extend(dissector.end(Dir::Up));
        seen.extend(dissector.end(Dir::Down));
        for unit in seen {
            check(&unit);
            let at = &mut at[(unit.dir == Dir::Down) as usize];
            assert!(unit.from >= *at, "seed {seed}: {unit:?}");
            *at = unit.to;
        }
    }
}

#[test]
fn a_long_poll_reads_as_it_should() {
    let mut dissector = Dissector::new();
    assert_eq!(
        meanings(&mut dissector, Dir::Up, b"GET /wait?after=7 HTTP/1.1\r\nHost: x\r\n\r\n"),
        ["request: GET /wait?after=7"]
    );
    assert_eq!(
        meanings(&mut dissector, Dir::Down, b"HTTP/1.1 100 Continue\r\n\r\n"),
        ["interim: 100 Continue: still there, the answer comes later"]
    );
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}";
    assert_eq!(
        meanings(&mut dissector, Dir::Down, answer),
        ["response: 200 OK, JSON, 15 bytes follow", "body: JSON: {\"messages\":[]}"]
    );
    assert_eq!(meanings(&mut dissector, Dir::Down, b"HTTP/1.1 204 No Content\r\n\r\n"), ["response: 204 No Content"]);
}

#[test]
fn the_fields_of_a_head_stand_in_the_order_of_its_bytes() {
    let mut dissector = Dissector::new();
    let unit = &dissector.feed(Dir::Up, b"POST /say HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")[0];
    let fields: Vec<(&str, &str)> = unit.fields.iter().map(|field| (&*field.name, &*field.value)).collect();
    assert_eq!(
        fields,
        [
            ("method", "POST"),
            ("space", ""),
            ("target", "/say"),
            ("space", ""),
            ("version", "HTTP/1.1"),
            ("line end", "CR LF"),
            ("Host", "localhost"),
            ("line end", "CR LF"),
            ("Content-Length", "5"),
            ("line end", "CR LF"),
            ("empty line", ""),
        ]
    );
    assert_eq!(unit.meaning, "POST /say, 5 bytes follow");
    assert_eq!(unit.line(), "POST /say, 5 bytes follow (58 bytes)");
    let target = &unit.fields[2];
    assert_eq!((target.from, target.to, &*target.name, &*target.value), (5, 9, "target", "/say"));
}

#[test]
fn a_chunk_is_one_unit_with_its_size_line_and_its_line_end() {
    let mut dissector = Dissector::new();
    dissector.feed(Dir::Down, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
    let units = dissector.feed(Dir::Down, b"b;x=y\r\nhello world\r\n0\r\nT: 1\r\n\r\n");
    let fields: Vec<(&str, &str)> = units[0].fields.iter().map(|field| (&*field.name, &*field.value)).collect();
    assert_eq!(
        fields,
        [
            ("chunk size", "b = 11 bytes"),
            ("chunk extension", ";x=y"),
            ("line end", "CR LF"),
            ("text", "hello world"),
            ("line end", "CR LF")
        ]
    );
    assert_eq!((units[0].kind, &*units[0].meaning), ("chunk", "text: hello world"));
    assert_eq!((units[1].kind, &*units[1].meaning), ("last-chunk", "last chunk: the answer is complete"));
    assert_eq!(units[1].fields[2].name, "T");
}

#[test]
fn the_answer_to_head_has_no_body_and_the_next_message_follows() {
    let mut dissector = Dissector::new();
    dissector.feed(Dir::Up, b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(
        meanings(&mut dissector, Dir::Down, answers),
        [
            "response: 200 OK, no body: only the head was asked for",
            "response: 200 OK, 5 bytes follow",
            "body: text: hello"
        ]
    );
}

#[test]
fn after_a_101_both_directions_change_even_for_bytes_that_came_before_it() {
    let mut dissector = Dissector::new();
    let ask = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nGET is no request here";
    assert_eq!(meanings(&mut dissector, Dir::Up, ask), ["request: GET /, asks for chat"]);
    assert_eq!(dissector.pending(Dir::Up).map(|unit| unit.size()), Some(22));
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n\r\n";
    assert_eq!(meanings(&mut dissector, Dir::Down, answer), ["response: 101 Switching Protocols"]);
    assert_eq!(meanings(&mut dissector, Dir::Down, b"\x01\x02"), ["bytes: 22 bytes: GET is no request here"]);
    assert_eq!(meanings(&mut dissector, Dir::Up, b"hi"), ["bytes: 2 bytes: .."]);
}

#[test]
fn a_refused_upgrade_stays_http() {
    let mut dissector = Dissector::new();
    dissector.feed(
        Dir::Up,
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET /next HTTP/1.1\r\n\r\n",
    );
    let units = dissector.feed(Dir::Down, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((units[0].dir, &*units[0].meaning), (Dir::Down, "403 Forbidden, no body"));
    assert_eq!((units[1].dir, &*units[1].meaning), (Dir::Up, "GET /next"));
}

#[test]
fn after_a_loss_the_next_message_is_found() {
    let mut dissector = Dissector::new();
    dissector.feed(Dir::Up, b"POST /say HTTP/1.1\r\nContent-Le");
    assert!(!dissector.lost(Dir::Up, 1000)[0].whole);
    assert_eq!(
        meanings(&mut dissector, Dir::Up, b"th: 5\r\n\r\nhelloPOST /say HTTP/1.1\r\nHost: x\r\n\r\n"),
        ["bytes: 14 bytes: bytes before this were not seen: th: 5\\r\\n\\r\\nhello", "request: POST /say"]
    );
    dissector.feed(Dir::Down, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    assert!(dissector.lost(Dir::Down, 995).is_empty(), "inside a body of known length the place is known");
    assert_eq!(
        meanings(&mut dissector, Dir::Down, b"helloHTTP/1.1 204 No Content\r\n\r\n"),
        ["body: piece 2 of the body, text: hello", "response: 204 No Content"]
    );
}

#[test]
fn what_is_not_http_is_shown_as_bytes_with_the_reason() {
    let mut dissector = Dissector::new();
    dissector.feed(Dir::Up, b"\x16\x03\x01\x02\x00");
    let units = dissector.feed(Dir::Down, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert!(units[0].meaning.contains("fault: This is not HTTP"), "{}", units[0].meaning);
    let head = meanings(&mut dissector, Dir::Up, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n");
    assert_eq!(head.len(), 1, "the next request is found");
    let mut dissector = Dissector::new();
    let head = meanings(&mut dissector, Dir::Up, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n");
    assert_eq!(head, ["request: GET / HTTP/1.1, fault: A header name has a character that no name may have."]);
}

#[test]
fn a_length_beyond_all_bounds_costs_nothing() {
    let mut dissector = Dissector::new();
    dissector.feed(Dir::Down, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n");
    for _ in 0..100 {
        assert!(dissector.feed(Dir::Down, &[b'x'; 10_000]).is_empty());
    }
    let unit = dissector.pending(Dir::Down).expect("a chunk stands unfinished");
    assert_eq!((unit.bytes.len(), unit.size()), (KEEP, 1_000_018));
}

#[test]
fn white_space_in_front_of_json_is_a_sign_of_life() {
    let mut dissector = Dissector::new();
    dissector.feed(Dir::Up, b"GET /wait?after=9f3c01d2-7 HTTP/1.1\r\nHost: x\r\n\r\n");
    dissector
        .feed(Dir::Down, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(meanings(&mut dissector, Dir::Down, b"1\r\n \r\n"), ["chunk: white space: a sign of life"]);
    assert_eq!(meanings(&mut dissector, Dir::Down, b"2\r\n{}\r\n"), ["chunk: JSON: {}"]);
}

/// Everything that shows texts of the wire, with this text in it.
fn lines_with(text: &[u8]) -> Vec<String> {
    let http = |head: &str, body: &[u8]| {
        let mut dissector = Dissector::new();
        let down = [format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes(), body].concat();
        let mut units = dissector.feed(Dir::Down, &down);
        units.extend(dissector.end(Dir::Down));
        units
    };
    let with = |front: &str, behind: &str| [front.as_bytes(), text, behind.as_bytes()].concat();
    let mut units = Vec::new();
    for (content_type, front, behind) in [
        ("text/plain", "", ""),
        ("application/json", "\"", "\""),
        ("application/octet-stream", "", ""),
        ("application/x-ndjson", "{\"a\":\"", "\"}\n"),
        ("text/event-stream", "event: ", "\ndata: x\n\n"),
        ("text/event-stream", "id: ", "\ndata: x\n\n"),
        ("text/event-stream", ": ", "\n\n"),
        ("text/event-stream", "retry: ", "\n\n"),
        ("text/javascript", "f", "(\"\")"),
        ("text/javascript", "f(\"", "\")"),
        ("multipart/x-mixed-replace; boundary=cut", "--cut\r\nContent-Type: a", "\r\n\r\nx\r\n--cut\r\n"),
    ] {
        units.extend(http(&format!("Content-Type: {content_type}\r\n"), &with(front, behind)));
    }
    let chunk = with("<script>", "</script>");
    let chunk = [format!("{:x}\r\n", chunk.len()).as_bytes(), &chunk, b"\r\n"].concat();
    units.extend(http("Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n", &chunk));
    for (front, behind) in [
        ("GET /", " HTTP/1.1\r\n\r\n"),
        ("", " / HTTP/1.1\r\n\r\n"),
        ("GET / HTTP/1.1\r\nUpgrade: ", "\r\nConnection: upgrade\r\n\r\n"),
        ("GET / HTTP/1.1\r\n", ": x\r\n\r\n"),
        ("POST / HTTP/1.1\r\nContent-Encoding: ", "\r\nContent-Length: 1\r\n\r\nx"),
        ("POST / HTTP/1.1\r\nContent-Type: ", "\r\nContent-Length: 1\r\n\r\nx"),
    ] {
        let mut dissector = Dissector::new();
        units.extend(dissector.feed(Dir::Up, &with(front, behind)));
        units.extend(dissector.end(Dir::Up));
    }
    let mut dissector = Dissector::new();
    units.extend(dissector.feed(Dir::Down, &with("HTTP/1.1 200 ", "\r\n\r\n")));
    let mut dissector = Dissector::new();
    dissector.feed(Dir::Up, b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    dissector.feed(Dir::Down, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    let size = text.len() as u8;
    units.extend(dissector.feed(Dir::Down, &[&[0x81, size], text, &[0x89, size], text].concat()));
    units.extend(dissector.feed(Dir::Down, &[&[0x88, size + 2, 0x03, 0xe8], text].concat()));
    for end in [0, b'\n'] {
        units.extend(Dissector::delimited(end).feed(Dir::Down, &[text, &[end]].concat()));
        let policy = with("<cross-domain-policy><allow-access-from domain=\"", "\"/></cross-domain-policy>");
        units.extend(Dissector::delimited(end).feed(Dir::Down, &[&policy[..], &[end]].concat()));
    }
    units.iter().inspect(|unit| check(unit)).map(Unit::line).collect()
}

#[test]
fn no_text_of_the_wire_can_act_on_a_terminal() {
    // U+00AD to U+206F and so on: all format characters that turn, hide or separate, but for the two joiners.
    let format = "\u{ad}\u{61c}\u{180e}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{206f}\u{feff}\u{fff9}\u{e0001}\u{e007f}";
    let control = ('\0'..'\u{100}').filter(|c| c.is_control());
    let mut texts: Vec<Vec<u8>> = (0..=255).map(|byte| vec![b'a', byte, b'b']).collect();
    texts.extend(control.chain(format.chars()).map(|c| format!("a{c}b").into_bytes()));
    texts.push(b"\x1b]0;title\x07\x1b[2J\x9b31m".to_vec());
    for text in texts {
        for line in lines_with(&text) {
            let acts = line.contains(|c: char| c.is_control() || format.contains(c));
            assert!(!acts, "{line:?}, with {:?}", String::from_utf8_lossy(&text));
        }
    }
}
