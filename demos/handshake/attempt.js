// The form that sends a handshake with one thing wrong, and shows what the server answers.
import { tell } from "./room.js";

const $ = (id) => document.getElementById(id);
const GOOD = {
  start: "GET /socket HTTP/1.1",
  Host: location.host,
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
  Origin: location.origin,
};
const FAULTS = {
  "nothing": {},
  "a name in other letters": { upgrade: "WEBSOCKET", Upgrade: null },
  "no Upgrade": { Upgrade: null },
  "Connection without Upgrade": { Connection: "keep-alive" },
  "no key": { "Sec-WebSocket-Key": null },
  "a key that is too short": { "Sec-WebSocket-Key": "dG9vIHNob3J0" },
  "a key that is no base64": { "Sec-WebSocket-Key": "this is no base64 ......" },
  "version 8": { "Sec-WebSocket-Version": "8" },
  "no version": { "Sec-WebSocket-Version": null },
  "a page from elsewhere": { Origin: "http://evil.example" },
  "an Origin that contains our name": { Origin: `http://${location.hostname}.evil.example` },
  "another server's name": { Host: "evil.example" },
  "no Host": { Host: null },
  "POST": { start: "POST /socket HTTP/1.1" },
  "HTTP/1.0": { start: "GET /socket HTTP/1.0" },
  "a path where no socket is": { start: "GET /elsewhere HTTP/1.1" },
  "no handshake at all": { Upgrade: null, Connection: null, "Sec-WebSocket-Key": null, "Sec-WebSocket-Version": null },
  "a subprotocol twice": { "Sec-WebSocket-Protocol": "room.v1, room.v1" },
  "a head that is too long": { Cookie: "x".repeat(17_000) },
  "a header line without a colon": { "no colon here": "" },
};

function fill() {
  const { start, ...fields } = { ...GOOD, ...FAULTS[$("fault").value] };
  const lines = Object.entries(fields).filter(([, value]) => value !== null);
  $("head").value = [start, ...lines.map(([name, value]) => (value ? `${name}: ${value}` : name))].join("\n");
}

/** The demo's own small client sends the head: a browser lets no page write such a thing. */
async function attempt() {
  tell("tried", "Sent; waiting for the answer.");
  tell("answer", "");
  const reply = await fetch("/try", { method: "POST", body: $("head").value });
  if (!reply.ok) return tell("tried", await reply.text());
  const { status, response, body } = await reply.json();
  tell("tried", status === 101 ? "101: the server agreed." : `${status}: the server refused. ${body}`);
  tell("answer", response);
}

for (const name of Object.keys(FAULTS)) $("fault").add(new Option(name));
$("fault").addEventListener("change", fill);
$("try").addEventListener("click", () => attempt().catch((error) => tell("tried", `The demo does not answer: ${error.message}`)));
fill();
