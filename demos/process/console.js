// Beside the lesson: what makes the page a console.

/** The command line that each connection starts. */
export async function commandLine() {
  const { program, arguments: words, example } = await (await fetch("/program", { cache: "no-store" })).json();
  return example ? "the built-in example" : [program, ...words].join(" ");
}

/** Lets the arrow keys bring back earlier lines of this field's form. */
export function recall(field) {
  const lines = [];
  let at = 0;
  field.form.addEventListener(
    "submit",
    () => {
      if (field.value) lines.push(field.value);
      at = lines.length;
    },
    { capture: true }, // before the form is emptied
  );
  field.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !lines.length) return;
    event.preventDefault();
    at = Math.min(Math.max(at + step, 0), lines.length);
    field.value = lines[at] ?? "";
  });
}

const waiting = [];

/**
 * Shows something soon: many lines at once are shown together, before the next picture. Of more than the page keeps, only
 * the newest are shown.
 */
export function shown(show) {
  if (waiting.push(show) > 500) waiting.shift();
  if (waiting.length === 1) setTimeout(() => waiting.splice(0).forEach((one) => one()), 16);
}
