// What each message costs, before and after: read from the rows that the bench tells of this tab's own connection.
import { el, number } from "./dom.js";
import { feedOf } from "./feed.js";
import { tell } from "./room.js";

const ROWS = 6; // the newest messages, in the table
const [body] = document.querySelector("#costs").tBodies;
const connections = new Set(); // this tab's
const seen = new Set(); // rows that are counted
let [count, before, after] = [0, 0, 0];

/** Follows the connections that this tab opens: their address has its key in it. `agreed` is told the extensions of each answer. */
export function watchCosts(tab, agreed) {
  const feed = feedOf();
  feed.addEventListener("row", ({ detail: row }) => {
    if (row.kind === "request" && row.mean.includes(`tab=${tab}`)) connections.add(row.conn);
    if (row.kind === "response" && row.whole && connections.has(row.conn)) {
      const field = row.fields.find(([, , name]) => name.toLowerCase() === "sec-websocket-extensions");
      agreed(field ? field[3] : "");
    }
    const data = row.kind === "frame" && /^(text|binary), ([\d]+) bytes?/.exec(row.mean);
    if (!data || !row.whole || !connections.has(row.conn) || seen.has(row.n)) return;
    seen.add(row.n);
    const payload = Number(data[2]);
    const packed = /compressed from (\d+) bytes?/.exec(row.mean);
    add(row, packed ? Number(packed[1]) : payload, payload);
  });
  feed.open();
}

/** A message of so many bytes; its payload on the wire has `payload`, and its frame a head more. */
function add(row, plain, payload) {
  const saved = plain ? Math.round((1 - row.size / plain) * 100) : 0;
  const cells = [words(row.mean), plain, payload, row.size, saved < 0 ? `${-saved} % more` : `${saved} %`];
  const line = el(`tr.${row.dir}`, {}, ...cells.map((cell) => el("td", {}, typeof cell === "number" ? number(cell) : cell)));
  body.prepend(line);
  if (body.rows.length > ROWS) body.deleteRow(-1);
  tell("count", ++count);
  tell("before", (before += plain));
  tell("after", (after += row.size));
}

/** What a row is about: the text that was said, as far as the row has it, or the kind of the event. */
function words(mean) {
  const [, text] = /"text":"([^"]*)/.exec(mean) ?? /"type":"(\w+)/.exec(mean) ?? ["", "an event"];
  return text;
}

/**
 * What the server keeps for one connection between two messages, as zlib-rs allocates it: to deflate, two windows, a link of two
 * bytes for each place of one, and 240 KiB of tables and buffers; to inflate, 40 KiB, whatever the window.
 */
export function kept(extensions) {
  if (!extensions.includes("permessage-deflate")) return "0 KiB";
  const bits = Math.max(9, Number(/server_max_window_bits=(\d+)/.exec(extensions)?.[1] ?? 15));
  const keeps = (end) => !extensions.includes(`${end}_no_context_takeover`);
  const deflate = keeps("server") ? (4 * 2 ** bits) / 1024 + 240 : 0;
  const inflate = keeps("client") ? 40 : 0;
  return `${deflate + inflate} KiB`;
}
