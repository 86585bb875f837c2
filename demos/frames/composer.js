// The form in which a frame is put together, right or wrong, and what the server answers to it.
import { compose, hex } from "./compose.js";
import { el } from "./dom.js";
import { tell } from "./room.js";

const OPCODES = ["continuation", "text", "binary", "", "", "", "", "", "close", "ping", "pong"];
const EXAMPLES = {
  'a text, "Hello"': [{}],
  'a text in two fragments, a ping between them': [
    { fin: false, payload: "Hel" }, { opcode: 9, payload: "?" }, { opcode: 0, payload: "lo" }],
  "a ping": [{ opcode: 9, payload: "are you there?" }],
  "a pong without a ping": [{ opcode: 10, payload: "" }],
  "five bytes, binary": [{ opcode: 2, kind: "hex", payload: "00ff10a5c3" }],
  "a close, 1000": [{ opcode: 8, kind: "hex", payload: "03e8" }],
  "wrong: not masked": [{ mask: false }],
  "wrong: RSV1 set": [{ rsv1: true }],
  "wrong: opcode 3, reserved": [{ opcode: 3 }],
  "wrong: opcode 11, reserved": [{ opcode: 11 }],
  "wrong: a ping of 126 bytes": [{ opcode: 9, payload: "x".repeat(126) }],
  "wrong: a ping in fragments": [{ fin: false, opcode: 9 }],
  "wrong: 5 bytes with a 16-bit length": [{ form: "16" }],
  "wrong: 5 bytes with a 64-bit length": [{ form: "64" }],
  "wrong: the first bit of a 64-bit length": [{ form: "64", length: "9223372036854775808" }],
  "wrong: 2^63 - 1 bytes are said to come": [{ form: "64", length: "9223372036854775807", payload: "" }],
  "wrong: a continuation of nothing": [{ opcode: 0 }],
  "wrong: a text inside a text": [{ fin: false, payload: "one" }, { payload: "two" }],
  "wrong: text that is not UTF-8": [{ kind: "hex", payload: "48ff" }],
  "wrong: UTF-8 that goes wrong in the second fragment": [
    { fin: false, kind: "hex", payload: "f0" }, { fin: false, opcode: 0, kind: "hex", payload: "0f" }],
  "wrong: a close with half a code": [{ opcode: 8, kind: "hex", payload: "03" }],
  "wrong: a close with 1005": [{ opcode: 8, kind: "hex", payload: "03ed" }],
  "unfinished: 10 bytes promised, 5 sent": [{ length: "10" }],
};
const PLAIN = { fin: true, rsv1: false, rsv2: false, rsv3: false, opcode: 1, mask: true, form: "auto", length: "",
  key: "37fa213d", kind: "text", payload: "Hello" };

const $ = (id) => document.getElementById(id);
const form = $("frame");
let row = []; // frames to be sent before the one in the form

/** A field of the form. (`form.elements.length` is how many there are, so a field of that name must be asked for.) */
const named = (name) => form.elements.namedItem(name);

/** What the form says. */
function fields() {
  return Object.fromEntries(Object.keys(PLAIN).map((name) => {
    const field = named(name);
    return [name, field.type === "checkbox" ? field.checked : name === "opcode" ? Number(field.value) : field.value];
  }));
}

function fill(values) {
  for (const [name, value] of Object.entries({ ...PLAIN, ...values })) {
    const field = named(name);
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
  }
  draw();
}

/** Shows the frame of the form; returns its bytes, or nothing when a field makes no sense. */
function draw() {
  try {
    const bytes = compose(fields());
    tell("bits", bytes.slice(0, 2).map((byte) => byte.toString(2).padStart(8, "0")).join(" "));
    drawBits("opcode-bits", bytes[0] & 0x0f, 4);
    drawBits("length-bits", bytes[1] & 0x7f, 7);
    drawBytes(bytes);
    tell("frame-fault", "");
    return bytes;
  } catch (error) {
    tell("frame-fault", error instanceof SyntaxError ? "A length is a whole number." : error.message);
  }
}

/** Bits that a field of the form decides, as many cells as there are bits. */
function drawBits(id, value, count) {
  const bits = [...value.toString(2).padStart(count, "0")];
  $(id).replaceChildren(...bits.map((bit) => el(bit === "1" ? "span.one" : "span", {}, bit)));
}

/** The bytes of the frame in pieces, as the first two bytes say where each ends. */
function drawBytes(bytes) {
  const key = 2 + ({ 126: 2, 127: 8 }[bytes[1] & 0x7f] ?? 0);
  const payload = key + (bytes[1] & 0x80 ? 4 : 0);
  const pieces = [["first two", 0, 2], ["length", 2, key], ["key", key, payload], ["payload", payload, bytes.length]];
  $("bytes").replaceChildren(...pieces.filter(([, from, to]) => from < to).flatMap(([name, from, to], at) => {
    const text = hex(bytes.slice(from, Math.min(to, 200)), " ") + (to > 200 ? ` … ${bytes.length} bytes` : "");
    const piece = el("span.piece", { "data-name": name }, text);
    return at === 0 ? [piece] : [" ", piece];
  }));
}

function drawRow() {
  $("row").replaceChildren(...row.map((bytes) => line(hex(bytes.slice(0, 60), " ") + (bytes.length > 60 ? " …" : ""))));
}

const line = (text) => el("li", {}, text);

/** Sends the row and the frame of the form: the demo's own small client does it, since a browser sends right frames only. */
async function send() {
  const last = draw();
  if (!last) return;
  const pieces = [...row, last].map((bytes) => hex(bytes));
  tell("composed", "Sent; waiting for the answer.");
  $("answer").replaceChildren();
  const reply = await fetch("/compose", { method: "POST", body: JSON.stringify({ path: $("path").value, pieces }) });
  if (!reply.ok) return tell("composed", await reply.text());
  const { frames, closed } = await reply.json();
  $("answer").replaceChildren(...frames.map((frame) => line(words(frame))));
  const silent = frames.length ? "" : closed ? "" : " It sends nothing: it waits for the rest, or there was nothing to answer.";
  tell("composed", closed ? "The server answered and closed the connection." : `The connection stays open.${silent}`);
}

function words({ fin, name, length, text, code, reason }) {
  const more = fin ? "" : ", more to come";
  if (name === "close") return `close ${code ?? "without a code"}${reason ? `: ${reason}` : ""}`;
  return `${name}, ${length} ${length === 1 ? "byte" : "bytes"}${more}${text == null ? "" : `: “${text}”`}`;
}

for (let code = 0; code < 16; code++) named("opcode").add(new Option(`${code} ${OPCODES[code] || "reserved"}`, code));
for (const name of Object.keys(EXAMPLES)) $("example").add(new Option(name));
$("example").addEventListener("change", () => {
  const frames = EXAMPLES[$("example").value];
  row = frames.slice(0, -1).map((values) => compose({ ...PLAIN, ...values }));
  drawRow();
  fill(frames.at(-1));
});
form.addEventListener("input", draw);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  send().catch((error) => tell("composed", `The demo does not answer: ${error.message}`));
});
$("new-key").addEventListener("click", () => {
  named("key").value = hex(crypto.getRandomValues(new Uint8Array(4)));
  draw();
});
$("add").addEventListener("click", () => {
  const bytes = draw();
  if (bytes) row.push(bytes);
  drawRow();
});
$("clear").addEventListener("click", () => {
  row = [];
  drawRow();
});
fill({});
