// What the page shows beside its messages: the flow between server and page, and whether this browser can stream up.
import { el } from "./dom.js";
import { note, sleep, tell } from "./room.js";

const TOO_MUCH = 48 * 2 ** 20; // bytes between server and page: more than kernels hold on the way

const flow = document.querySelector("#flow");
const names = { written: "server has written", read: "page has read", between: "waiting between them", stuck: "server's write stuck for" };
for (const [id, name] of Object.entries(names)) flow.append(el("div", {}, el("dt", {}, name), el("dd", { id }, "–")));

/** Twice a second, while `filler` is ticked: what the server has written against what this page has read. */
export async function compare(tab, read, filler) {
  flow.hidden = !filler.checked;
  const mib = (number) => `${(number / 2 ** 20).toFixed(2)} MiB`;
  for (; filler.checked; await sleep(500)) {
    const answer = await fetch(`/flow?tab=${tab}`, { signal: AbortSignal.timeout(5000) }).catch(() => null);
    if (!answer?.ok) continue;
    const { written, waiting } = await answer.json();
    const between = Math.max(0, written - read());
    tell("written", mib(written));
    tell("read", mib(read()));
    tell("between", mib(between));
    tell("stuck", `${(waiting / 1000).toFixed(1)} s`);
    if (between < TOO_MUCH) continue;
    note(
      "This browser reads on, into its own memory, though the page does not: so the server is never slowed down. No more filler.",
    );
    filler.click();
  }
}

/** Sends a message as a stream, and says whether that went well. */
export async function tryUpload() {
  let asked = false; // a browser that knows upload streams asks for `duplex`; another makes a text of the stream
  const body = new Blob(["an upload in pieces"]).stream();
  const options = {
    method: "POST",
    body,
    get duplex() {
      asked = true;
      return "half";
    },
  };
  const request = new Request("/say", options);
  if (!asked || request.headers.has("Content-Type")) return tell("upload", "it does not know streams as bodies of requests.");
  const sent = await fetch(request).catch(() => null);
  tell("upload", sent ? `the server answered ${sent.status}.` : "it knows them, and refuses over HTTP/1.1.");
}
