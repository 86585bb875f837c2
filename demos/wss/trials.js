// What the page shows besides the room: what TLS agreed on, and what a sealed page may load from a plain server.
import { el, put } from "./dom.js";
import { remember } from "./history.js";

const $ = (id) => document.getElementById(id);
const PATIENCE = 10_000; // in milliseconds

// ---- What the newest connections agreed on ---------------------------------------------------------------------------

$("ask").addEventListener("click", async () => {
  let sessions;
  try {
    sessions = await (await fetch("/sessions")).json();
  } catch {
    return say("asked-at", "No answer: is the cable whole?");
  }
  const cells = ({ version, suite, group, protocol, resumed, ended }) =>
    [version, suite, group, protocol, resumed ? "yes" : "no", ended ?? "open"].map((text) => el("td", {}, text));
  const newest = sessions.slice(-8).reverse();
  $("sessions").replaceChildren(...newest.map((session) => el("tr", {}, ...cells(session))));
  say("asked-at", `The newest ${newest.length} of all connections, newest first:`);
});

// ---- Mixed content ---------------------------------------------------------------------------------------------------

const plain = $("mixed").querySelector("dt").textContent.match(/ws:\/\/(.*)/)[1];

// ANCHOR: mixed
/** Tries a plain WebSocket: "open", or what the browser says instead. */
function tryWebSocket() {
  return new Promise((done) => {
    setTimeout(() => done("no answer"), PATIENCE);
    const socket = new WebSocket(`ws://${plain}/`, "room"); // throws where it is blocked
    socket.onopen = () => done("open") ?? socket.close(1000);
    socket.onclose = ({ code }) => done(`closed with ${code}`);
  });
}

/** Tries a plain event stream. */
function tryEventSource() {
  return new Promise((done) => {
    setTimeout(() => done("no answer"), PATIENCE);
    const source = new EventSource(`http://${plain}/tick`);
    source.onmessage = ({ data }) => done(`heard: ${data}`) ?? source.close();
    source.onerror = () => done("error, no reason told") ?? source.close();
  });
}
// ANCHOR_END: mixed

$("try").addEventListener("click", async () => {
  for (const [id, attempt] of [["mixed-ws", tryWebSocket], ["mixed-http", tryEventSource]]) {
    say(id, "trying");
    say(id, await attempt().catch((error) => `blocked: ${error.name}`));
  }
});

function say(id, text) {
  put($(id), text);
  remember({ id, text });
}
