// The button "Seven streams": six more beside the one that the page has. Not needed for the technique.
import { el } from "./dom.js";

const seven = document.querySelector("#seven");
let more = [];
let watch;

/** Opens six more streams, or closes them, and shows which of the seven are open. */
export function sevenStreams(on, tab, first) {
  seven.textContent = on ? "Close six of them" : "Seven streams";
  document.querySelector("#tabs").hidden = !on;
  for (const stream of more) stream.close();
  more = on ? Array.from({ length: 6 }, (_, i) => new EventSource(`/events?tab=${tab}-${i + 2}`)) : [];
  clearInterval(watch);
  if (on) watch = setInterval(() => show([first(), ...more]), 200);
}

function show(streams) {
  const words = streams.map(({ readyState }) => (readyState === EventSource.OPEN ? "open" : "waiting"));
  const lines = words.map((word) => el(`li.${word}`, {}, word));
  document.querySelector("#tabs .streams").replaceChildren(...lines);
}
