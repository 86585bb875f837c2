//! How two ends agree on permessage-deflate: the client's offers, the server's choice, and the client's check of it.
//!
//! ```text
//! client    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
//! server    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12
//! ```
//!
//! Each direction has a window of its own: how far back a message may refer (2^8 to 2^15 bytes), and whether the window is
//! kept from one message to the next ("context take-over"). What an offer does not say is left to the server.
//! Source: RFC 7692, 7.1; the field's grammar is in RFC 6455, 9.1.

use handshake::request::is_token;

/// The name in the field.
pub const NAME: &str = "permessage-deflate";

/// What both ends know of the window of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Whether it is kept from one message to the next.
    pub kept: bool,
    /// It has 2^bits bytes.
    pub bits: u8,
}

impl Default for Window {
    fn default() -> Self {
        Window { kept: true, bits: 15 }
    }
}

/// What both ends agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The window of what the server sends.
    pub server: Window,
    /// The window of what the client sends.
    pub client: Window,
}

/// The four parameters (7.1), in an offer or in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The server forgets its window after each message.
    pub server_no_context_takeover: bool,
    /// The client forgets its window after each message.
    pub client_no_context_takeover: bool,
    /// The server's window is not larger than this.
    pub server_max_window_bits: Option<u8>,
    /// The client's window is not larger than this. An offer may leave the number to the server.
    pub client_max_window_bits: Option<Option<u8>>,
}

// ANCHOR: choose
/// The server's choice: the first offer that it can serve, and the field's value to answer with.
/// `wish` is what it would take if all were left to it. `None`: the connection goes on without
/// compression, which is no fault.
///
/// # Errors
/// When the field breaks the grammar: then the handshake is refused (RFC 6455, 9.1).
pub fn choose(field: &str, wish: Window) -> Result<Option<(Agreed, String)>, String> {
    let offers = extensions(field)?;
    let ours = offers.iter().filter(|(name, _)| name == NAME);
    Ok(ours.filter_map(|(_, offer)| read(offer).ok()).map(|offer| accept(&offer, wish)).next())
}

/// What the server makes of an offer: never more than the client can do, never more than it wishes.
fn accept(offer: &Parameters, wish: Window) -> (Agreed, String) {
    let theirs = offer.client_max_window_bits.map(|bits| bits.unwrap_or(15));
    let agreed = Agreed {
        server: Window {
            kept: wish.kept && !offer.server_no_context_takeover,
            bits: wish.bits.min(offer.server_max_window_bits.unwrap_or(15)),
        },
        client: Window {
            kept: wish.kept && !offer.client_no_context_takeover,
            bits: theirs.map_or(15, |most| wish.bits.min(most)), // one that does not offer it can't
        },
    };
    let answer = Parameters {
        server_no_context_takeover: !agreed.server.kept,
        client_no_context_takeover: !agreed.client.kept,
        server_max_window_bits: (agreed.server.bits < 15 || offer.server_max_window_bits.is_some())
            .then_some(agreed.server.bits),
        client_max_window_bits: theirs.map(|_| Some(agreed.client.bits)),
    };
    (agreed, answer.field())
}
// ANCHOR_END: choose

// ANCHOR: check
/// The client's check of the server's answer (7.1). `None`: the server does not compress.
///
/// # Errors
/// What is wrong; the client must fail the connection then.
pub fn check_answer(field: &str, offer: &Parameters) -> Result<Option<Agreed>, String> {
    let answer = match &extensions(field)?[..] {
        [] => return Ok(None),
        [(name, answer)] if name == NAME => read(answer)?,
        _ => return Err(format!("the server answers {field:?}, which was not offered")),
    };
    let wrong = |what: &str| Err(format!("the server's answer {what}"));
    if offer.server_no_context_takeover && !answer.server_no_context_takeover {
        return wrong("does not promise server_no_context_takeover, which was asked for");
    }
    let asked = offer.server_max_window_bits.unwrap_or(15);
    if answer.server_max_window_bits.unwrap_or(15) > asked {
        return wrong("has a larger window than was asked for");
    }
    let client_bits = match (offer.client_max_window_bits, answer.client_max_window_bits) {
        (most, None) => most.flatten().unwrap_or(15), // no limit but our own
        (None, Some(_)) => return wrong("has client_max_window_bits, which was not offered"),
        (Some(_), Some(None)) => return wrong("has client_max_window_bits without a number"),
        (Some(most), Some(Some(bits))) if bits > most.unwrap_or(15) => {
            return wrong("has a larger client_max_window_bits than was offered");
        }
        (Some(_), Some(Some(bits))) => bits,
    };
    Ok(Some(Agreed {
        server: Window {
            kept: !answer.server_no_context_takeover,
            bits: answer.server_max_window_bits.unwrap_or(15),
        },
        client: Window { kept: !answer.client_no_context_takeover, bits: client_bits },
    }))
}
// ANCHOR_END: check

/// What an answer says, for one who saw no offer: the wire view.
pub fn agreed(answer: &str) -> Option<Agreed> {
    let any = Parameters { client_max_window_bits: Some(None), ..Parameters::default() };
    check_answer(answer, &any).ok().flatten()
}

impl Parameters {
    /// As they stand in the field.
    pub fn field(&self) -> String {
        let mut field = NAME.to_string();
        if self.server_no_context_takeover {
            field += "; server_no_context_takeover";
        }
        if self.client_no_context_takeover {
            field += "; client_no_context_takeover";
        }
        if let Some(bits) = self.server_max_window_bits {
            field += &format!("; server_max_window_bits={bits}");
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => field += &format!("; client_max_window_bits={bits}"),
            Some(None) => field += "; client_max_window_bits",
            None => {}
        }
        field
    }
}

/// A parameter: its name, and its value if it has one.
type Parameter = (String, Option<String>);

/// The extensions of the field, in their order. The value of a parameter may stand in quotes, but is a token also then, so no
/// comma and no semicolon can stand in it.
///
/// # Errors
/// When this is no list of extensions.
fn extensions(field: &str) -> Result<Vec<(String, Vec<Parameter>)>, String> {
    let wrong = || format!("{field:?} is no list of extensions.");
    let mut extensions = Vec::new();
    for extension in field.split(',').map(str::trim).filter(|extension| !extension.is_empty()) {
        let mut parts = extension.split(';').map(str::trim);
        let name = parts.next().filter(|name| is_token(name)).ok_or_else(wrong)?;
        let mut parameters = Vec::new();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
                None => (part, None),
            };
            if !is_token(name) || !value.as_deref().is_none_or(is_token) {
                return Err(wrong());
            }
            parameters.push((name.to_string(), value));
        }
        extensions.push((name.to_string(), parameters));
    }
    Ok(extensions)
}

/// A value without its quotes; a backslash in quotes stands for the character behind it.
fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(quoted) if !quoted.ends_with('\\') => quoted.replace('\\', ""),
        _ => value.to_string(),
    }
}

/// Reads the parameters of one extension.
///
/// # Errors
/// When one is unknown, stands twice or has a value that it must not have: such an offer is passed over (7.1).
fn read(parameters: &[Parameter]) -> Result<Parameters, String> {
    let mut all = Parameters::default();
    for (at, (name, value)) in parameters.iter().enumerate() {
        let wrong = |why: &str| Err(format!("the parameter {name} {why}"));
        if parameters[..at].iter().any(|(other, _)| other == name) {
            return wrong("stands twice");
        }
        let bits = value.as_deref().map(window_bits);
        match (name.as_str(), value, bits) {
            ("server_no_context_takeover", None, _) => all.server_no_context_takeover = true,
            ("client_no_context_takeover", None, _) => all.client_no_context_takeover = true,
            ("server_max_window_bits", _, Some(Some(bits))) => {
                all.server_max_window_bits = Some(bits);
            }
            ("client_max_window_bits", None, _) => all.client_max_window_bits = Some(None),
            ("client_max_window_bits", _, Some(Some(bits))) => {
                all.client_max_window_bits = Some(Some(bits));
            }
            ("server_no_context_takeover" | "client_no_context_takeover", ..) => {
                return wrong("has a value");
            }
            ("server_max_window_bits" | "client_max_window_bits", ..) => {
                return wrong("is a number from 8 to 15");
            }
            _ => return wrong("is unknown"),
        }
    }
    Ok(all)
}

/// A decimal number from 8 to 15 without a zero in front (7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    let decimal = !value.starts_with('0') && value.bytes().all(|digit| digit.is_ascii_digit());
    value.parse().ok().filter(|bits| decimal && (8..=15).contains(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of a server that would take what it is given.
    fn answer(field: &str) -> Option<String> {
        choose(field, Window::default()).unwrap().map(|(_, answer)| answer)
    }

    #[test]
    fn every_parameter_of_an_offer_is_answered() {
        for (offer, expected) in [
            ("permessage-deflate", "permessage-deflate"),
            (
                "permessage-deflate; client_max_window_bits",
                "permessage-deflate; client_max_window_bits=15",
            ),
            (
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=10",
            ),
            (
                "permessage-deflate;server_max_window_bits=8",
                "permessage-deflate; server_max_window_bits=8",
            ),
            (
                "permessage-deflate; server_max_window_bits=15",
                "permessage-deflate; server_max_window_bits=15",
            ),
            (
                "permessage-deflate; server_max_window_bits=\"10\"",
                "permessage-deflate; server_max_window_bits=10",
            ),
            (
                "permessage-deflate; server_max_window_bits=\"1\\0\"",
                "permessage-deflate; server_max_window_bits=10",
            ),
            (
                "permessage-deflate ; server_no_context_takeover ; client_no_context_takeover",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            ),
        ] {
            assert_eq!(answer(offer).as_deref(), Some(expected), "{offer}");
        }
    }

    #[test]
    fn the_first_offer_that_can_be_served_is_taken() {
        for (offers, expected) in [
            (
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                Some("permessage-deflate; server_max_window_bits=10"),
            ),
            (
                "permessage-deflate; server_max_window_bits=7, permessage-deflate",
                Some("permessage-deflate"),
            ),
            (
                "x-webkit-deflate-frame, permessage-bzip2; level=9,, permessage-deflate",
                Some("permessage-deflate"),
            ),
            ("", None),
            ("x-webkit-deflate-frame", None),
            ("PERMESSAGE-DEFLATE", None),
        ] {
            assert_eq!(answer(offers).as_deref(), expected, "{offers}");
        }
    }

    #[test]
    fn an_offer_with_an_unknown_doubled_or_wrong_parameter_is_passed_over() {
        for parameters in [
            "unknown",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=08",
            "server_max_window_bits=+9",
            "server_max_window_bits=nine",
            "server_max_window_bits=256",
            "server_max_window_bits=10; server_max_window_bits=10",
            "client_max_window_bits=7",
            "client_max_window_bits; client_max_window_bits",
            "client_no_context_takeover=true",
            "server_no_context_takeover; server_no_context_takeover",
            "Server_No_Context_Takeover",
        ] {
            assert_eq!(answer(&format!("permessage-deflate; {parameters}")), None, "{parameters}");
        }
    }

    #[test]
    fn a_field_that_breaks_the_grammar_is_an_error() {
        for field in [
            "permessage deflate",
            "permessage-deflate;",
            "permessage-deflate; =10",
            "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits=\"10",
            "permessage-deflate; server_max_window_bits=\"\"",
            "permessage-deflate; server_max_window_bits=\"1,0\"",
            "permessage-deflate; server_max_window_bits=\"10\\\"",
            "; permessage-deflate",
        ] {
            assert!(choose(field, Window::default()).is_err(), "{field}");
        }
    }

    #[test]
    fn a_servers_own_wish_narrows_what_is_agreed_on_and_never_widens_it() {
        let wish = Window { kept: false, bits: 10 };
        let chosen = |offer| choose(offer, wish).unwrap().unwrap();
        let (agreed, answer) = chosen("permessage-deflate");
        assert_eq!(agreed.server, wish);
        assert_eq!(
            agreed.client,
            Window { kept: false, bits: 15 },
            "a client that can't choose its window"
        );
        assert_eq!(
            answer,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"
        );
        let (agreed, _) =
            chosen("permessage-deflate; client_max_window_bits; server_max_window_bits=9");
        assert_eq!((agreed.server.bits, agreed.client.bits), (9, 10));
        let (agreed, _) = chosen("permessage-deflate; client_max_window_bits=8");
        assert_eq!((agreed.server.bits, agreed.client.bits), (10, 8));
    }

    #[test]
    fn a_client_takes_no_answer_but_one_to_its_own_offer() {
        let all = Parameters {
            server_no_context_takeover: true,
            server_max_window_bits: Some(10),
            client_max_window_bits: Some(Some(12)),
            ..Parameters::default()
        };
        let plain = Parameters::default();
        let open = Parameters { client_max_window_bits: Some(None), ..plain };
        let bits = |server, client| Agreed {
            server: Window { kept: true, bits: server },
            client: Window { kept: true, bits: client },
        };
        let forgetful = Agreed {
            server: Window { kept: false, bits: 9 },
            client: Window { kept: true, bits: 12 },
        };
        for (offer, answer, expected) in [
            (plain, "", Some(None)),
            (plain, "permessage-deflate", Some(Some(bits(15, 15)))),
            (plain, "permessage-deflate; server_max_window_bits=9", Some(Some(bits(9, 15)))),
            (plain, "permessage-deflate; client_max_window_bits=9", None),
            (open, "permessage-deflate; client_max_window_bits=9", Some(Some(bits(15, 9)))),
            (open, "permessage-deflate; client_max_window_bits", None),
            (
                all,
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
                Some(Some(forgetful)),
            ),
            (all, "permessage-deflate; server_max_window_bits=9", None),
            (all, "permessage-deflate; server_no_context_takeover", None),
            (
                all,
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=13",
                None,
            ),
            (plain, "permessage-deflate; unknown", None),
            (plain, "permessage-deflate, permessage-deflate", None),
            (plain, "permessage-bzip2", None),
            (plain, "permessage-deflate;", None),
        ] {
            assert_eq!(
                check_answer(answer, &offer).ok(),
                expected,
                "{} and {answer}",
                offer.field()
            );
        }
    }

    #[test]
    fn each_answer_of_the_server_passes_the_check_of_the_client_and_both_know_the_same() {
        for offer in 0..64_u8 {
            let bit = |n: u8| offer >> n & 1 == 1;
            let offer = Parameters {
                server_no_context_takeover: bit(0),
                client_no_context_takeover: bit(1),
                server_max_window_bits: bit(2).then_some(if bit(3) { 9 } else { 15 }),
                client_max_window_bits: bit(4).then_some(bit(5).then_some(10)),
            };
            for wish in [Window::default(), Window { kept: false, bits: 9 }] {
                let (agreed, answer) = choose(&offer.field(), wish).unwrap().unwrap();
                assert_eq!(
                    check_answer(&answer, &offer),
                    Ok(Some(agreed)),
                    "{} and {answer}",
                    offer.field()
                );
            }
        }
    }
}
