// The drawing beside "A connection's life": the packets that open and close a connection, and its states.
import { el } from "./dom.js";

const DRAWING = `client                       server
SYN-SENT     -- SYN -------->  (LISTEN)
             <- SYN + ACK ---  SYN-RECEIVED
ESTABLISHED  -- ACK -------->  ESTABLISHED

FIN-WAIT-1   -- FIN -------->  CLOSE-WAIT    "I have said all"
FIN-WAIT-2   <- ACK ---------                (may still speak)
             <- FIN ---------  LAST-ACK      "so have I"
TIME-WAIT    -- ACK -------->  (gone)
  (gone, a minute later)`;

const RFC = "https://www.rfc-editor.org/rfc/rfc9293#section-3.6";

document.querySelector("#packets").append(
  el("summary", {}, "Three packets to open, three or four to close"),
  el("pre.shakes", { tabindex: 0 }, DRAWING),
  el("p", {}, "FIN closes one direction: the connection is half-closed, and the other side may still speak. When it has " +
    "nothing more to say, its ACK and its FIN go in one packet, and three packets close the connection. The end that " +
    "finishes first stays in TIME-WAIT, so that a late packet does not meet a new connection with the same ports (",
    el("a", { href: RFC }, "RFC 9293, 3.6"), "). Opening and closing take microseconds here. The page looks at the kernel’s " +
    "list less often, so it seldom shows SYN-SENT and FIN-WAIT-1."),
  el("p", {}, "The server’s end here is the bench’s front door. It passes FIN and RST on to the server behind it. The cable " +
    "lies between the two: when it is cut, the kernels still acknowledge, and only the programs hear nothing."),
);
