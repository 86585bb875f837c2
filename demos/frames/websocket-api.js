// The browser's WebSocket, live: a WebSocket of its own, to the echo, with its properties and events.
import { el } from "./dom.js";
import { tell } from "./room.js";

const shown = (name, id, tag = "div") => el(tag, {}, el("dt", {}, name), el("dd", { id: `api-${id}` }, "–"));
const field = (name, id, attributes, tag = "label") =>
  el(tag, {}, `${name} `, el("input", { id: `api-${id}`, ...attributes }));
const button = (name, id) => el("button", { type: "button", id: `api-${id}` }, name);
const part = (name, ...fields) => el("fieldset.part", {}, el("legend", {}, name), el("div.fields", {}, ...fields));

document.getElementById("api").append(
  el("dl.counts", {},
    shown("readyState", "ready"), shown("bufferedAmount", "buffered"), shown("protocol", "protocol"),
    shown("extensions", "extensions"), shown("url", "url", "div.two")),
  part("Open",
    field("subprotocols", "protocols", { value: "echo, other", size: 12 }),
    el("label.short", {}, "binaryType ", el("select", { id: "api-type" }, new Option("blob"), new Option("arraybuffer"))),
    button("new WebSocket", "open")),
  part("Send",
    field("text", "text", { value: "Hello" }, "label.whole"),
    button("as text", "send-text"), button("as ArrayBuffer", "send-buffer"), button("as Blob", "send-blob"),
    button("1 MiB", "send-many")),
  part("Close",
    field("code", "code", { type: "number", min: 0, max: 65535, value: 1000 }, "label.short"),
    field("reason", "reason", { value: "done" }), button("close", "close")),
  el("ol.lines", { id: "api-log", "aria-label": "Events of this WebSocket", "aria-live": "polite", tabindex: 0 }),
);

const $ = (id) => document.getElementById(id);
const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
let probe;

function log(text) {
  $("api-log").append(el("li", {}, text));
  if ($("api-log").children.length > 100) $("api-log").firstElementChild.remove();
  look();
}

/** Shows the properties as they are now. */
function look() {
  if (!probe) return;
  tell("api-ready", `${probe.readyState} ${STATES[probe.readyState]}`);
  tell("api-buffered", probe.bufferedAmount);
  tell("api-protocol", JSON.stringify(probe.protocol));
  tell("api-extensions", JSON.stringify(probe.extensions));
  tell("api-url", probe.url);
}
setInterval(look, 100); // bufferedAmount has no event of its own

function attempt(what, action) {
  try {
    action();
  } catch (error) {
    log(`${what} throws ${error.name}: ${error.message}`);
  }
}

$("api-open").addEventListener("click", () => attempt("new WebSocket", () => {
  probe?.close();
  const protocols = $("api-protocols").value.split(",").map((one) => one.trim()).filter(Boolean);
  const mine = (probe = new WebSocket(`ws://${location.host}/echo`, protocols));
  mine.binaryType = $("api-type").value;
  mine.onopen = () => log("open");
  mine.onmessage = async ({ data }) => {
    if (typeof data === "string") return log(`message: a string, ${data.length} characters: ${data.slice(0, 60)}`);
    const size = data instanceof Blob ? data.size : data.byteLength;
    log(`message: ${data instanceof Blob ? "a Blob" : "an ArrayBuffer"}, ${size} bytes`);
  };
  mine.onerror = () => log("error: a page is not told why");
  mine.onclose = ({ code, reason, wasClean }) => log(`close: code ${code}, reason “${reason}”, wasClean ${wasClean}`);
  look();
}));
$("api-type").addEventListener("change", () => probe && (probe.binaryType = $("api-type").value));
const send1 = (make) => attempt("send", () => {
  if (!probe) throw new Error("make a WebSocket first");
  probe.send(make());
  look();
});
$("api-send-text").addEventListener("click", () => send1(() => $("api-text").value));
$("api-send-buffer").addEventListener("click", () => send1(() => new TextEncoder().encode($("api-text").value).buffer));
$("api-send-blob").addEventListener("click", () => send1(() => new Blob([$("api-text").value])));
$("api-send-many").addEventListener("click", () => send1(() => new Uint8Array(1 << 20)));
$("api-close").addEventListener("click", () => attempt("close", () => {
  if (!probe) throw new Error("make a WebSocket first");
  const code = $("api-code").value;
  if (code === "") probe.close();
  else probe.close(Number(code), $("api-reason").value);
  look();
}));
