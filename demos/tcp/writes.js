// The experiment "Writes and reads": what was written, what was read, and what was taken for messages.
import { boxes } from "./control.js";
import { doing, tell } from "./room.js";

const $ = (id) => document.getElementById(id);

/** Makes its button work. `run` asks the server to run an experiment. */
export function writes(run) {
  $("write").addEventListener("click", async () => {
    const [buffer, busy] = $("reader").value.split(" ");
    const framing = $("framing").value;
    const nagle = $("nagle").checked ? "on" : "off";
    $("write").disabled = true;
    doing("writing", false, "verdict");
    const result = await run(`/writes?count=8&framing=${framing}&nagle=${nagle}&buffer=${buffer}&busy=${busy}`);
    $("write").disabled = false;
    if (!result) return;
    const said = result.writes.map(({ text }) => text);
    boxes("written", result.writes.map(({ text, size, at }) => [text, `${size} B, ${ms(at)}`]));
    boxes("read", result.reads.map(({ text, size, at }) => [visible(text), `${size} B, ${ms(at)}`]));
    boxes("taken", result.messages.map((text) => [visible(text), "", !said.includes(text)]));
    tell("write-count", said.length);
    tell("read-count", result.reads.length);
    const right = result.messages.length === said.length && said.every((text, at) => text === result.messages[at]);
    doing(right
      ? `${said.length} writes, ${result.reads.length} reads, and all ${said.length} messages right${framing === "none" ? ": by luck" : ""}.`
      : `${said.length} writes, ${result.reads.length} reads, and ${result.messages.length} supposed messages: wrong.`, !right, "verdict");
  });
}

const ms = (us) => `${(us / 1000).toFixed(1)} ms`;
/** Writes out what can't be seen: a line feed, and the bytes of a length. */
const visible = (text) => text.replaceAll("\n", "\\n")
  .replace(/[\0-\x1f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
