// Packets by hand, over a plain WebSocket: also without the client that `make socketio` fetches.
import { el } from "./dom.js";

const $ = (id) => document.getElementById(id);
const WORDS = [
  ["40", "joins the main namespace"],
  ['42["message","hello"]', "an event; the answer is an event, too"],
  ['420["message-with-ack",1]', "an event that wants an answer, as number 0"],
  ["40/room,", "joins the room: one connection, two namespaces"],
  ['451-["message",{"_placeholder":true,"num":0}]', "an event with one attachment; now send the bytes"],
  ["bytes 01 02 03", "a binary message: the attachment"],
  ["41/room,", "leaves the room"],
  ["3", "a pong, the answer to 2"],
  ["40/nowhere,", "there is no such namespace"],
  ["4abc", "no packet: the server must close the connection"],
];
const ENGINE = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
const SOCKET = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];

let socket;

function open() {
  socket = new WebSocket(`ws://${location.host}/socket.io/?EIO=4&transport=websocket`);
  socket.binaryType = "arraybuffer";
  const mine = socket;
  mine.onmessage = ({ data }) => line("down", typeof data === "string" ? data : `bytes ${hex(data)}`);
  mine.onclose = ({ code }) => line("down", `closed with ${code}; the next packet opens another connection`);
  return new Promise((done) => (mine.onopen = done));
}

async function send(text) {
  if (socket?.readyState !== WebSocket.OPEN) await open();
  const bytes = /^bytes\s+((?:[0-9a-f]{2}\s*)+)$/i.exec(text);
  socket.send(bytes ? Uint8Array.from(bytes[1].match(/[0-9a-f]{2}/gi), (pair) => parseInt(pair, 16)) : text);
  line("up", text);
}

const hex = (data) => Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** What the first digits of a packet say. */
function words(text) {
  if (!/^\d/.test(text)) return "";
  const engine = ENGINE[text[0]];
  return engine === "message" ? `${engine}, ${SOCKET[text[1]] ?? "no packet of Socket.IO"}` : (engine ?? "no packet");
}

function line(dir, text) {
  const item = el(`li.${dir}`, {}, el("code", {}, text), " ", el("span", {}, words(text)));
  $("exchange").append(item);
  if ($("exchange").children.length > 40) $("exchange").firstElementChild.remove();
  $("exchange").scrollTop = $("exchange").scrollHeight;
}

for (const [packet, what] of WORDS) {
  $("packets").append(el("button", { type: "button", title: what }, packet), " ");
}
$("packets").addEventListener("click", ({ target }) => {
  if (target.tagName === "BUTTON") send(target.textContent);
});
document.querySelector("#composer form").addEventListener("submit", (event) => {
  event.preventDefault();
  send($("packet").value);
});
$("composer").addEventListener("toggle", () => $("composer").open || socket?.close());
