// The button "Twenty streams", and what the server tells of the connection. Not needed for the technique.
import { el, put } from "./dom.js";
import { doing, tell } from "./room.js";

const boxes = document.querySelector("#tabs .streams");
let more = [];

/** Opens twenty more streams, or closes them; shows for each which one it is, and when it heard the newest message. */
export function twentyStreams(on) {
  for (const source of more) source.close();
  more = [];
  boxes.replaceChildren();
  if (!on) return doing("The twenty streams are closed.", false, "all");
  doing("0 of 20 streams are open", false, "all");
  let open = 0;
  let newest = { id: "", at: 0, heard: 0 };
  for (let n = 1; n <= 20; n++) {
    const box = el("li", {}, "…");
    boxes.append(box);
    const source = new EventSource("/events?after=newest");
    more.push(source);
    source.addEventListener("stream", ({ data }) => {
      put(box, data);
      box.classList.add("open");
      doing(`${++open} of 20 streams are open`, false, "all");
      howManyStreams();
    });
    source.onerror = () => box.classList.remove("open");
    source.onmessage = ({ lastEventId }) => {
      const now = performance.now();
      if (lastEventId !== newest.id) newest = { id: lastEventId, at: now, heard: 0 };
      const late = Math.round(now - newest.at);
      doing(`${++newest.heard} of 20 streams heard the newest message, the last one ${late} ms after the first`, false, "all");
    };
  }
}

let wanted = 0;

/** Asks how many streams this connection has open: the question is one of them. One at a time: the next is for all who wait. */
export async function howManyStreams() {
  if (++wanted > 1) return;
  const answer = await fetch("/connection").then((answer) => answer.json()).catch(() => null);
  if (answer) tell("streams", answer.streams);
  const more = wanted > 1;
  wanted = 0;
  if (more) howManyStreams();
}

/** Asks what the browser has said about itself, and shows it. */
export async function askSettings() {
  const { settings } = await fetch("/connection").then((answer) => answer.json());
  const rows = Object.entries(settings).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  document.querySelector("#settings").replaceChildren(...rows);
  const refuses = settings.ENABLE_PUSH === 0;
  put(document.querySelector("#push"), refuses ? "ENABLE_PUSH is 0: a server must not push anything to it."
    : "It does not name ENABLE_PUSH, and a server might push.");
}
