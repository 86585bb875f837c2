// What the page knows of its connection, in words: without a heartbeat that is not much.
import { drawPeers } from "./peers.js";
import { doing, tell } from "./room.js";

const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

/** Says it. `heardAt`: when the last byte came; `heartbeat`: what the controls say, in seconds. */
export function tellStatus(socket, heardAt, { on, every, patience }) {
  const silence = (performance.now() - heardAt) / 1000;
  tell("heard", `${silence.toFixed(1)} s ago`);
  if (socket) doing(`${socket.readyState} ${STATES[socket.readyState]}`);
  tell("says", words(silence, on, every, patience));
  drawPeers();
}

function words(silence, on, every, patience) {
  if (on) {
    return `Asking every ${every} s; after a silence of ${patience} s the connection is given up, here and at the server.`;
  }
  if (silence < 10) return "No heartbeat: if the cable were cut now, neither side would notice soon.";
  return `No heartbeat: nothing was heard for ${silence.toFixed(0)} s. Is the cable cut, or is there nothing to say? ` +
    "The browser says OPEN either way: on a real network for minutes, on this bench without an end.";
}
