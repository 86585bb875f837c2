// Stage machinery: not the lesson. The three buttons of the page.
import { doing, note, toggle } from "./room.js";

const button = (id) => document.getElementById(id);

toggle("policy", async (closed) => {
  const answer = await fetch("/policy", { method: "POST", body: closed ? "closed" : "open" });
  if (!answer.ok) {
    button("policy").setAttribute("aria-pressed", !closed);
    return doing(await answer.text(), true);
  }
  note(closed
    ? "The policy file lets no movie in now. A movie that is connected stays connected, as with Flash Player: close the socket and open it again."
    : "The policy file lets this page's movie in again.");
});

/** The button that opens and closes the socket. Returns a function that tells whether it should be open. */
export function socketButton(open, close) {
  return toggle("socket", (wanted) => {
    button("socket").textContent = wanted ? "Socket open" : "Open the socket";
    if (wanted) open();
    else close();
  });
}

/** The button that says the time once a second, while fewer than five messages wait for their acknowledgement. */
export function tickButton(saying) {
  let ticking;
  const time = () => new Date().toLocaleTimeString([], { hour12: false });
  toggle("tick", (on) => {
    clearInterval(ticking);
    if (on) ticking = setInterval(() => saying.size < 5 && saying.say(`tick ${time()}`), 1000);
  });
}

/** The movie is there, so the socket and the tick can be used. */
export function enable() {
  for (const id of ["socket", "tick"]) button(id).disabled = false;
}
