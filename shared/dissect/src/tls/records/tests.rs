use crate::{Dir, Dissector, Unit};

/// A length of two bytes, and then so many bytes.
fn two(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &two(content)[..]].concat()
}

fn handshake(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 0], &two(content)[..]].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &two(content)[..]].concat()
}

fn client_hello() -> Vec<u8> {
    let extensions = [
        extension(0x0a0a, &[]),
        extension(0, &two(&[&[0], &two(b"localhost")[..]].concat())),
        extension(16, &two(b"\x02h2\x08http/1.1")),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(51, &two(&[&[0, 29], &two(&[7; 32])[..]].concat())),
        extension(13, &two(&[4, 3, 8, 4])),
    ];
    let (version, random, suites) = ([3, 3], [1; 32], two(&[0x13, 1, 0xc0, 0x2b]));
    let body = [&version[..], &random, &[0], &suites, &[1, 0], &two(&extensions.concat())].concat();
    record(22, &handshake(1, &body))
}

fn server_hello(version: &[u8], suite: [u8; 2]) -> Vec<u8> {
    let shared = extension(51, &[&[0, 29], &two(&[8; 32])[..]].concat());
    let extensions = if version == [3, 4] { [extension(43, version), shared].concat() } else { Vec::new() };
    let body = [&[3, 3][..], &[2; 32], &[0], &suite, &[0], &two(&extensions)].concat();
    record(22, &handshake(2, &body))
}

fn meanings(units: &[Unit]) -> Vec<&str> {
    units.iter().map(|unit| &*unit.meaning).collect()
}

#[test]
fn a_client_hello_says_whom_it_wants_and_what_it_knows() {
    let unit = Dissector::tls().feed(Dir::Up, &client_hello()).remove(0);
    assert_eq!(unit.meaning, "ClientHello for localhost: TLS 1.3 TLS 1.2, ALPN h2 http/1.1");
    let said = |name: &str| -> Vec<String> {
        unit.fields.iter().filter(|field| field.name == name).map(|field| field.value.clone()).collect()
    };
    assert_eq!(said("cipher suite"), ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]);
    assert_eq!(said("server name"), ["localhost"]);
    assert_eq!(said("protocol"), ["h2", "http/1.1"]);
    assert_eq!(said("group"), ["x25519"]);
    assert_eq!(said("signature"), ["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"]);
    assert!(said("extension").contains(&"GREASE 0x0a0a".to_string()), "{:?}", said("extension"));
    assert_eq!(said("rest"), [""; 0], "every byte has a name");
}

#[test]
fn the_length_of_what_is_sealed_is_told_for_the_suite_that_was_chosen() {
    for (version, suite, sealed) in [(&[3, 4], [0x13, 1], 22), (&[3, 3], [0xc0, 0x2b], 29), (&[3, 3], [0xcc, 0xa9], 21)]
    {
        let mut dissector = Dissector::tls();
        dissector.feed(Dir::Up, &client_hello());
        let hello = dissector.feed(Dir::Down, &server_hello(version, suite));
        assert!(hello[0].meaning.starts_with("ServerHello: TLS 1."), "{}", hello[0].meaning);
        for dir in [Dir::Up, Dir::Down] {
            let units = dissector.feed(dir, &record(23, &vec![9; sealed]));
            assert_eq!(meanings(&units), ["sealed: 5 bytes of content"], "{suite:?}");
        }
    }
}

#[test]
fn in_tls_1_2_a_finished_message_is_sealed_and_a_second_client_hello_of_tls_1_3_is_not() {
    let mut dissector = Dissector::tls();
    dissector.feed(Dir::Down, &server_hello(&[3, 3], [0xc0, 0x2b]));
    let after = [record(20, &[1]), record(22, &[0; 40])].concat();
    let units = dissector.feed(Dir::Down, &after);
    assert_eq!(meanings(&units), ["change cipher spec", "handshake, sealed: 16 bytes of content"]);
    let units = dissector.feed(Dir::Up, &[record(20, &[1]), client_hello()].concat());
    assert!(units[1].meaning.starts_with("ClientHello for localhost"), "{}", units[1].meaning);
}

#[test]
fn a_message_in_two_records_and_two_messages_in_one() {
    let certificate = handshake(11, &[5; 300]);
    let done = handshake(14, &[]);
    let records = [record(22, &certificate[..100]), record(22, &[&certificate[100..], &done].concat())].concat();
    let units = Dissector::tls().feed(Dir::Down, &records);
    assert_eq!(meanings(&units), ["Certificate", "more of a handshake message, ServerHelloDone"]);
}

#[test]
fn an_alert_is_a_fault_unless_it_is_the_end_in_order() {
    let units = Dissector::tls().feed(Dir::Down, &[record(21, &[2, 20]), record(21, &[1, 0])].concat());
    assert_eq!(meanings(&units), ["fault: alert bad_record_mac", "alert: close_notify"]);
}

#[test]
fn what_is_no_tls_is_shown_as_it_is() {
    let mut dissector = Dissector::tls();
    dissector.feed(Dir::Up, b"GET / HTTP/1.1\r\n\r\n");
    let unit = dissector.end(Dir::Up).remove(0);
    assert!(unit.meaning.contains("no TLS record: GET / HTTP/1.1"), "{}", unit.meaning);
    let long = Dissector::tls().feed(Dir::Up, &[22, 3, 1, 0xff, 0xff]);
    assert!(long.is_empty());
}

#[test]
fn split_as_it_may_be_it_is_the_same_and_no_byte_makes_it_panic() {
    let all = [client_hello(), record(20, &[1]), record(23, &[7; 60]), record(21, &[2, 48])].concat();
    let whole = Dissector::tls().feed(Dir::Up, &all);
    for size in [1, 2, 5, 7, 64] {
        let mut dissector = Dissector::tls();
        let mut units = Vec::new();
        for part in all.chunks(size) {
            units.extend(dissector.feed(Dir::Up, part));
            let _described = dissector.pending(Dir::Up);
        }
        assert_eq!(units, whole, "{size} bytes at a time");
    }
    for at in 0..all.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bad = all.clone();
            bad[at] = value;
            let mut dissector = Dissector::tls();
            let units =
                dissector.feed(Dir::Down, &bad[..at + 1]).into_iter().chain(dissector.feed(Dir::Down, &bad[at + 1..]));
            for unit in units.chain(dissector.end(Dir::Down)) {
                let covered: usize = unit.fields.iter().map(|field| field.to - field.from).sum();
                assert_eq!(covered, unit.bytes.len(), "byte {at} is {value}");
            }
        }
    }
}
