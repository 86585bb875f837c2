// The button that guesses the secret: the attack runs at the server, and this shows how the lengths gave it away.
import { el } from "./dom.js";
import { plain, tell } from "./room.js";

const DIGITS = "0123456789abcdef";
const $ = (id) => document.getElementById(id);

$("attack").addEventListener("click", async () => {
  $("attack").disabled = true;
  tell("guessed", "Guessing …");
  $("digits").replaceChildren();
  try {
    const answer = await fetch(`/guess?defence=${$("defence").value}`, { method: "POST", cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    const { found, secret, steps, searches, milliseconds } = await answer.json();
    $("digits").replaceChildren(...steps.map(line));
    const effort = `after ${searches} searches and ${milliseconds} ms; the token is ${secret}`;
    const right = found === secret ? `Found ${found}` : found ? `Wrong: ${found}` : "Nothing found";
    tell("guessed", `${right}, ${effort}.`);
  } catch (error) {
    tell("guessed", `It did not work: ${plain(error)}.`);
  }
  $("attack").disabled = false;
});

/** One digit: how much longer the answer to each guess was than the shortest. */
function line({ known, lengths }) {
  const least = Math.min(...lengths);
  const marks = lengths.map((length, at) => {
    const shortest = length === least;
    return el(shortest ? "b" : "span", {}, shortest ? DIGITS[at] : `${DIGITS[at]}+${length - least}`);
  });
  return el("li", {}, el("code", {}, `token=${known}`), " then ", ...marks.flatMap((mark) => [mark, " "]));
}
