// The button that makes the server's policy file let nobody in.
import { doing, note } from "./room.js";

document.querySelector("#policy").addEventListener("click", async ({ target }) => {
  const close = target.getAttribute("aria-pressed") !== "true";
  const answer = await fetch("/policy", { method: "POST", body: close ? "closed" : "open" });
  if (!answer.ok) return doing(await answer.text(), true);
  target.setAttribute("aria-pressed", close);
  note(close
    ? "The policy file lets nobody in now. Who is in stays in, as with Flash: close the socket and open it again."
    : "The policy file lets this page's movie in again.");
});
