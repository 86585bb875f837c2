// The experiment "A connection's life": what each end did, and in which state the kernel had it then.
import { el } from "./dom.js";
import { tab } from "./control.js";
import { doing } from "./room.js";

/** Makes its buttons work. `run` asks the server to run an experiment. */
export function life(run) {
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", async () => {
      const story = await run(`/life?tab=${tab}&do=${button.dataset.do}`);
      if (story) showLife(story);
    });
  }
}

const MEANINGS = {
  "ESTABLISHED": "both sides may speak", "FIN-WAIT-1": "has finished, not acknowledged", "FIN-WAIT-2": "has finished, may still hear",
  "CLOSE-WAIT": "the other has finished, may still speak", "LAST-ACK": "both have finished, it waits for the last ACK",
  "TIME-WAIT": "over; remembered for a minute", "SYN-SENT": "asks for a connection",
};

/** States that look alike have the same edge. */
function kind(state) {
  if (/CLOSE-WAIT|FIN-WAIT/.test(state)) return "half";
  return /TIME-WAIT|LAST-ACK/.test(state) ? "ending" : state;
}

let shown;

/** Shows the story so far: what was done, and in which state the kernel had each end. */
export function showLife(life) {
  if (!life) return;
  // The answer to a click may come later than the news after it: a story only grows.
  if (life.client === shown?.client && life.story.length < shown.story.length) return;
  shown = life;
  let last = {};
  document.querySelector("#story").replaceChildren(...life.story.map((entry) => {
    if (!entry.did) last = { client: entry.client ?? "gone", server: entry.server ?? "gone" };
    const state = (name = "gone") => el(`td.state.${kind(name)}`, {}, entry.did ? "" : name);
    return el("tr", {}, el("td.at", {}, entry.at), state(last.client), el("td.did", {}, entry.did ?? ""), state(last.server));
  }));
  const words = ({ client, server }) => client === server && client === "gone"
    ? "The kernel has forgotten the connection."
    : `Client: ${client} (${MEANINGS[client] ?? "nothing left"}). Server: ${server} (${MEANINGS[server] ?? "nothing left"}).`;
  doing(life.unavailable ?? (last.client ? words(last) : "opening"), Boolean(life.unavailable), "now");
}

// The drawing under the table.
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
