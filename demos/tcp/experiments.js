// The three experiments: how they are ordered, and how their news reaches the page. All of it goes over the control port,
// which bypasses the cable: on a cut cable the page could not be told what a cut cable does.
import { life, showLife } from "./life.js";
import { doing, tell } from "./room.js";
import { showDatagram, udp } from "./udp.js";
import { writes } from "./writes.js";

const typed = (address) => address.replace(/[[\]]/g, "").replace(/:(\d+)$/, " $1"); // as nc wants it

/** Makes the experiments work. `control`: the origin of the control port; `tab`: this tab's key; `room`: host and port. */
export function experiments(control, tab, room) {
  tell("nc", `nc ${typed(room)}`);

  /** Orders an experiment; the server's own sentence says why it did not run. */
  async function run(path, status) {
    try {
      const answer = await fetch(control + path, { method: "POST", signal: AbortSignal.timeout(40_000) });
      if (answer.ok) return await answer.json();
      doing((await answer.text()).trim(), true, status);
    } catch (error) {
      const late = error.name === "TimeoutError";
      doing(late ? "no answer: is the cable cut?" : "the connection to the server was lost", true, status);
    }
  }

  function watch() {
    const stream = new EventSource(`${control}/watch?tab=${tab}`);
    stream.addEventListener("life", (event) => showLife(JSON.parse(event.data)));
    stream.addEventListener("datagram", (event) => showDatagram(JSON.parse(event.data)));
    stream.onerror = () => stream.readyState === EventSource.CLOSED && setTimeout(watch, 3000);
  }

  writes(run);
  life(run, tab);
  udp(run);
  watch();
  fetch(`${control}/udp`, { cache: "no-store" }).then((answer) => answer.json()).then(({ relay, fault, why }) => {
    document.querySelector("#fault").value = fault;
    tell("nc-udp", relay ? `nc -u ${typed(relay)}` : why);
  }).catch(() => {});
}
