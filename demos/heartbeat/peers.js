// The table of what the server thinks of each connection.
import { put } from "./dom.js";

const asOf = document.querySelector("#as-of");
const [body] = document.querySelector("#peers").tBodies;
let table; // as the server told it last

/** Takes what the server told. */
export function tellPeers(event) {
  table = { ...event, at: performance.now() };
  drawPeers();
}

/** Draws the table as it must be by now: while nothing comes, the silences grow. */
export function drawPeers() {
  if (!table) return;
  const age = performance.now() - table.at;
  put(asOf, age > 2_000 ? `(as of ${(age / 1000).toFixed(0)} s ago)` : "");
  while (body.rows.length > table.peers.length) body.deleteRow(-1);
  table.peers.forEach((peer, at) => {
    const row = body.rows[at] ?? body.insertRow();
    row.classList.toggle("yours", peer.yours);
    row.classList.toggle("fault", !peer.open);
    const heard = peer.open ? peer.heard + age : peer.heard;
    const cells = [
      `${peer.id}${peer.yours ? ", this tab" : ""}`,
      peer.open ? `${(heard / 1000).toFixed(1)} s ago` : "–",
      peer.roundTrip === null ? "–" : `${peer.roundTrip} ms`,
      peer.every ? `${peer.every} s` : "never",
      peer.every ? `${peer.patience} s` : "never",
      peer.verdict,
    ];
    cells.forEach((text, column) => put(row.cells[column] ?? row.insertCell(), text));
  });
}
