// Plumbing: the page starts experiments and hears of them at the control port, which is past the cable.
import { el } from "./dom.js";
import { doing, newKey, plain, tell } from "./room.js";

/** The server knows this tab by it. */
export const tab = newKey();

/** An address as nc wants it: without brackets, and with a space before the port. */
export const typed = (address) => address.replace(/[[\]]/g, "").replace(/:(\d+)$/, " $1");

const WORDS = { TimeoutError: "no answer: is the cable cut?", TypeError: "the connection to the server was lost" };

/** Asks the server to run an experiment. When it does not, the element `status` says why. */
export async function run(url, status) {
  try {
    const answer = await fetch(url, { method: "POST", signal: AbortSignal.timeout(40_000) });
    if (answer.ok) return await answer.json();
    doing((await answer.text()).trim(), true, status);
  } catch (error) {
    doing(plain(error, WORDS), true, status);
  }
}

/** Listens to what happens in the experiments: `told` has a function for each kind of event. */
export function watch(control, told) {
  const stream = new EventSource(`${control}/watch?tab=${tab}`);
  for (const [kind, tell] of Object.entries(told)) {
    stream.addEventListener(kind, (event) => tell(JSON.parse(event.data)));
  }
  stream.onerror = () => stream.readyState === EventSource.CLOSED && setTimeout(() => watch(control, told), 3000);
}

/** Shows where the UDP relay is, and what it does to datagrams. */
export async function showRelay(control) {
  const answer = await fetch(`${control}/relay`, { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return;
  const { relay, fault, why } = await answer.json();
  document.querySelector("#fault").value = fault;
  tell("nc-udp", relay ? `nc -u ${typed(relay)}` : why);
}

/** Shows boxes in the list with this id. An item: its text, small print after it, and whether it is wrong. */
export function boxes(id, items) {
  document.getElementById(id).replaceChildren(...items.map(([text, small, wrong]) =>
    el(wrong ? "li.wrong" : "li", { title: wrong && "no such message was written" }, text, small ? el("small", {}, ` ${small}`) : "")));
}
