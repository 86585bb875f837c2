//! What the numbers of TLS mean (the registries of IANA, "TLS Parameters" and "TLS ExtensionType Values").

/// The name of a number in a table, or the number itself. Numbers of the form `?A?A` mean nothing on purpose (GREASE).
pub fn name(table: &[(u16, &str)], number: u16) -> String {
    let [high, low] = number.to_be_bytes();
    if high == low && low & 0x0f == 0x0a {
        return format!("GREASE 0x{number:04x}");
    }
    let known = table.iter().find(|(other, _)| *other == number);
    known.map_or_else(|| format!("0x{number:04x}"), |(_, name)| (*name).to_string())
}

pub const VERSIONS: &[(u16, &str)] =
    &[(0x0300, "SSL 3.0"), (0x0301, "TLS 1.0"), (0x0302, "TLS 1.1"), (0x0303, "TLS 1.2"), (0x0304, "TLS 1.3")];

/// Record types (RFC 8446, 5.1).
pub const RECORDS: &[(u16, &str)] =
    &[(20, "change cipher spec"), (21, "alert"), (22, "handshake"), (23, "application data"), (24, "heartbeat")];

/// Handshake messages (RFC 8446, 4; RFC 5246, 7.4).
pub const MESSAGES: &[(u16, &str)] = &[
    (0, "HelloRequest"),
    (1, "ClientHello"),
    (2, "ServerHello"),
    (4, "NewSessionTicket"),
    (11, "Certificate"),
    (12, "ServerKeyExchange"),
    (13, "CertificateRequest"),
    (14, "ServerHelloDone"),
    (15, "CertificateVerify"),
    (16, "ClientKeyExchange"),
    (20, "Finished"),
    (22, "CertificateStatus"),
];

/// What these messages are for.
pub const PURPOSES: &[(u16, &str)] = &[
    (1, "The client says what it knows."),
    (2, "The server chooses."),
    (4, "With this the client may resume later, without certificate."),
    (11, "Who the server is. In TLS 1.3 this is sealed already."),
    (12, "The server's half of the key exchange, signed with the key of its certificate."),
    (14, "The server waits for the client now."),
    (16, "The client's half of the key exchange."),
];

pub const SUITES: &[(u16, &str)] = &[
    (0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1304, "TLS_AES_128_CCM_SHA256"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
];

pub const GROUPS: &[(u16, &str)] = &[
    (23, "secp256r1"),
    (24, "secp384r1"),
    (25, "secp521r1"),
    (29, "x25519"),
    (30, "x448"),
    (0x0100, "ffdhe2048"),
    (0x0101, "ffdhe3072"),
    (0x11ec, "X25519MLKEM768"),
    (0x6399, "X25519Kyber768Draft00"),
];

pub const SIGNATURES: &[(u16, &str)] = &[
    (0x0201, "rsa_pkcs1_sha1"),
    (0x0203, "ecdsa_sha1"),
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
];

pub const EXTENSIONS: &[(u16, &str)] = &[
    (0, "server_name"),
    (5, "status_request"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (13, "signature_algorithms"),
    (16, "application_layer_protocol_negotiation"),
    (18, "signed_certificate_timestamp"),
    (21, "padding"),
    (22, "encrypt_then_mac"),
    (23, "extended_main_secret"),
    (27, "compress_certificate"),
    (28, "record_size_limit"),
    (34, "delegated_credential"),
    (35, "session_ticket"),
    (41, "pre_shared_key"),
    (42, "early_data"),
    (43, "supported_versions"),
    (44, "cookie"),
    (45, "psk_key_exchange_modes"),
    (49, "post_handshake_auth"),
    (50, "signature_algorithms_cert"),
    (51, "key_share"),
    (17513, "application_settings (old)"),
    (17613, "application_settings"),
    (0xfe0d, "encrypted_client_hello"),
    (0xff01, "renegotiation_info"),
];

pub const NOTES: &[(u16, &str)] = &[
    (0, "SNI: the name of the server, in plain text. An address is never sent here (RFC 6066, 3)."),
    (5, "The server may send proof that its certificate was not revoked (RFC 6066, 8)."),
    (10, "In which groups the client can agree on a key, its favourite first (RFC 8446, 4.2.7)."),
    (13, "The signatures that the client can check (RFC 8446, 4.2.3)."),
    (16, "ALPN: which protocols the client can speak inside (RFC 7301)."),
    (21, "Zeros that make the message longer, since some servers fail at certain lengths (RFC 7685)."),
    (23, "Binds the keys of TLS 1.2 to the whole handshake (RFC 7627)."),
    (27, "The certificate may come compressed (RFC 8879)."),
    (28, "The longest record that the client takes (RFC 8449)."),
    (35, "TLS 1.2: a ticket to resume with, or the wish for one (RFC 5077)."),
    (41, "A ticket of an earlier connection: the client wants to resume (RFC 8446, 4.2.11)."),
    (42, "Data in the very first flight; it can be replayed (RFC 8446, 4.2.10)."),
    (43, "The versions that are really meant, since old proxies fail at new numbers above (RFC 8446, 4.2.1)."),
    (45, "How a ticket may be used: with a fresh key exchange, or without (RFC 8446, 4.2.9)."),
    (51, "A public key for each group that the client guesses the server will take (RFC 8446, 4.2.8)."),
    (0xfe0d, "ECH: another ClientHello, sealed for the server; or noise that looks like one (RFC 9849)."),
    (0xff01, "The client knows the attack on renegotiation; RFC 5746."),
];

/// Alerts (RFC 8446, 6).
pub const ALERTS: &[(u16, &str)] = &[
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (22, "record_overflow"),
    (40, "handshake_failure"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (70, "protocol_version"),
    (80, "internal_error"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (112, "unrecognized_name"),
    (120, "no_application_protocol"),
];
