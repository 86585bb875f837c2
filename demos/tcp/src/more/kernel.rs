//! A second reading: what the kernel tells of a connection, the states of RFC 9293, section 3.3.2,
//! as `ss -t` shows them.
//!
//! Linux keeps the list in `/proc/net/tcp`: one line for each end of each connection on this
//! machine, addresses in hexadecimal with the bytes of the IP address in the machine's order, then
//! the state as a number. Other systems have other ways, which std does not know: there this demo
//! says that it can't look.

use std::net::{SocketAddr, SocketAddrV4};

/// The states by their number in `/proc/net/tcp`, from 1 on.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN-SENT",
    "SYN-RECEIVED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "CLOSED",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
    "SYN-RECEIVED",
];

/// The states of the two ends of a connection; `None`: the kernel does not know it (any more).
pub type Ends = (Option<&'static str>, Option<&'static str>);

/// Both ends of the connection between these addresses.
///
/// # Errors
/// A sentence that says why this can't be told here.
pub fn states(client: SocketAddr, server: SocketAddr) -> Result<Ends, String> {
    let (SocketAddr::V4(client), SocketAddr::V4(server)) = (client, server) else {
        return Err("This demo looks up connections over IPv4 only.".to_string());
    };
    match std::fs::read_to_string("/proc/net/tcp") {
        Ok(table) => Ok(look_up(&table, client, server)),
        Err(_) => {
            Err("This system keeps no /proc/net/tcp, the list that this demo reads on Linux. `netstat -an -p tcp` \
            shows the states in a terminal."
                .to_string())
        }
    }
}

fn look_up(table: &str, client: SocketAddrV4, server: SocketAddrV4) -> Ends {
    let (client, server) = (hex(client), hex(server));
    let mut ends = (None, None);
    for line in table.lines().skip(1) {
        // sl  local_address  rem_address  st  ...
        let mut words = line.split_whitespace().skip(1);
        let (Some(local), Some(remote), Some(state)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let state = usize::from_str_radix(state, 16)
            .ok()
            .and_then(|number| STATES.get(number.wrapping_sub(1)));
        if local == client && remote == server {
            ends.0 = state.copied();
        } else if local == server && remote == client {
            ends.1 = state.copied();
        }
    }
    ends
}

/// 127.0.0.1:8109 is 0100007F:1FAD on a little-endian machine.
fn hex(address: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_stand_in_the_table() {
        let (client, server) = ("127.0.0.1:40001", "127.0.0.1:8209");
        let (client, server): (SocketAddrV4, SocketAddrV4) =
            (client.parse().unwrap(), server.parse().unwrap());
        let table = format!(
            "  sl  local_address rem_address   st tx_queue ...\n   0: {} 00000000:0000 0A 0\n   1: {} {} 05 0\n   2: {} {} 08 0\nx\n",
            hex(server),
            hex(client),
            hex(server),
            hex(server),
            hex(client),
        );
        assert_eq!(look_up(&table, client, server), (Some("FIN-WAIT-2"), Some("CLOSE-WAIT")));
        assert_eq!(look_up("", client, server), (None, None));
    }
}
