// What each packet costs, as the tap sees it, beside the same JSON in a bare WebSocket.
import { el, number } from "./dom.js";
import { feedOf } from "./feed.js";

const ROWS = 6; // the newest packets, in the table
const [body] = document.querySelector("#costs").tBodies;
const polls = new Map(); // by connection: the exchange under way, of this tab's session
const sockets = new Set(); // connections that are this tab's WebSockets

/** Follows the session whose id `session()` tells. */
export function watchCosts(session) {
  const feed = feedOf();
  feed.addEventListener("row", ({ detail: row }) => {
    if (!row.whole) return;
    if (row.kind === "request") begin(row, session());
    else if (row.kind === "frame" && sockets.has(row.conn)) frame(row);
    else if (polls.has(row.conn)) part(row, polls.get(row.conn));
  });
  feed.open();
}

/** A request: is it of this session? */
function begin(row, id) {
  polls.delete(row.conn);
  if (!id || !row.mean.includes(`sid=${id}`)) return;
  if (row.mean.includes("transport=websocket")) sockets.add(row.conn);
  else polls.set(row.conn, { post: row.mean.startsWith("POST"), wire: row.size, packet: null });
}

/** More of a polling request or of its answer. The last thing is the answer's body. */
function part(row, poll) {
  poll.wire += row.size;
  if (row.kind !== "body") return;
  if (poll.post === (row.dir === "up")) poll.packet = row;
  if (row.dir === "up") return;
  polls.delete(row.conn);
  if (poll.packet) add(poll.packet, poll.wire, poll.post ? "up" : "down");
}

function frame(row) {
  if (row.mean.startsWith("text")) add(row, row.size, row.dir);
}

/** The bytes of a frame around so much payload (RFC 6455, 5.2). */
const framed = (length, dir) => length + (length < 126 ? 2 : length < 65536 ? 4 : 10) + (dir === "up" ? 4 : 0);

function add(row, wire, dir) {
  const parts = row.fields.filter(([, , name]) => name === "JSON" || name === "data");
  const json = parts.reduce((sum, [from, to]) => sum + to - from, 0);
  const words = row.mean.replace(/^text, \d+ bytes?(, masked)?: /, "");
  const cells = [words, json, json ? framed(json, dir) : 0, wire];
  const line = el(`tr.${dir}`, {}, ...cells.map((cell) => el("td", {}, typeof cell === "number" ? number(cell) : cell)));
  body.prepend(line);
  if (body.rows.length > ROWS) body.deleteRow(-1);
}
