//! Machinery: the numbers of the protocol that may be set, and their words on the command line.

use std::time::Duration;

use demo::{CommandLine, OptionValue};

/// The times and limits of a session.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How often the server asks whether the client is there.
    pub ping_interval: Duration,
    /// How long the answer may take.
    pub ping_timeout: Duration,
    /// How long each half of an upgrade may take.
    pub upgrade_timeout: Duration,
    /// How long a client may take to connect to its first namespace.
    pub connect_timeout: Duration,
    /// How long the attachments of an event may take to come.
    pub attachment_timeout: Duration,
    /// How long a socket that lost its connection is remembered.
    pub recovery: Duration,
    /// The longest payload and the longest message, in bytes.
    pub max_payload: usize,
}

impl Default for Timing {
    /// Those of the official server; it has no limit on the time of attachments.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Timing {
            ping_interval: seconds(25),
            ping_timeout: seconds(20),
            upgrade_timeout: seconds(10),
            connect_timeout: seconds(45),
            attachment_timeout: seconds(10),
            recovery: seconds(120),
            max_payload: 1_000_000,
        }
    }
}

impl CommandLine for Timing {
    fn help(&self) -> (&'static str, &'static str) {
        (
            "",
            "  --ping-interval MS   milliseconds between two pings of the server (25000)
  --ping-timeout MS    milliseconds that an answer to a ping may take (20000)
  --upgrade-timeout MS milliseconds that each half of an upgrade may take (10000)
  --connect-timeout MS milliseconds until a client must be in a namespace (45000)
  --attachments MS     milliseconds that the attachments of an event may take (10000)
  --recovery MS        milliseconds for which a lost socket is remembered (120000)
",
        )
    }

    fn option(&mut self, name: &str, value: &mut OptionValue) -> Option<Result<(), String>> {
        let time = match name {
            "ping-interval" => &mut self.ping_interval,
            "ping-timeout" => &mut self.ping_timeout,
            "upgrade-timeout" => &mut self.upgrade_timeout,
            "connect-timeout" => &mut self.connect_timeout,
            "attachments" => &mut self.attachment_timeout,
            "recovery" => &mut self.recovery,
            _ => return None,
        };
        Some(value().and_then(|text| {
            let ms = text.parse().map_err(|_| format!("--{name} can't be {text:?}"))?;
            *time = Duration::from_millis(ms);
            Ok(())
        }))
    }
}
