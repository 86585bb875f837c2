// The live controls of the page on the browser's side. They talk to the book's own server, which has two things to listen
// to: /try/lines and /try/events, five of each, half a second apart.
import { el, put } from "../bench/dom.js";

const alive = document.querySelector('meta[name="book-token"]') !== null;

/** A box of controls: buttons by name, and a log of what happens. */
function box(place, buttons) {
  const log = el("output", { "aria-live": "polite", tabindex: 0 }, "nothing yet");
  let first = true;
  const say = (text) => {
    put(log, first ? text : `${log.textContent}\n${text}`);
    first = false;
    log.scrollTop = log.scrollHeight;
  };
  const row = el("div.row");
  for (const [name, act] of Object.entries(buttons)) {
    row.append(el("button", { type: "button", disabled: !alive, onclick: () => act(say) }, name));
  }
  place.append(row, log);
  if (!alive) say("These controls work in the book that cargo run -p book serves.");
}

const STATES = ["0 CONNECTING", "1 OPEN", "2 CLOSED"];

const KINDS = {
  fetch(place) {
    let stop;
    box(place, {
      async fetch(say) {
        stop = new AbortController();
        try {
          const answer = await fetch("/try/lines", { signal: stop.signal });
          say(`the head is here: status ${answer.status}, ok ${answer.ok}`);
          const reader = answer.body.getReader();
          for (;;) {
            const { done, value } = await reader.read();
            if (done) return say("done");
            say(`read ${value.length} bytes: ${JSON.stringify(new TextDecoder().decode(value))}`);
          }
        } catch (error) {
          say(`${error.name}: ${error.message}`);
        }
      },
      abort: () => stop?.abort(),
      async "fetch what is not there"(say) {
        const answer = await fetch("/try/nothing");
        say(`status ${answer.status}, ok ${answer.ok}: an answer, and no error`);
      },
    });
  },

  eventsource(place) {
    let source;
    box(place, {
      "new EventSource"(say) {
        source?.close();
        source = new EventSource("/try/events");
        const mine = source;
        const state = () => `readyState ${STATES[mine.readyState]}`;
        say(state());
        mine.onopen = () => say(`open: ${state()}`);
        mine.onmessage = ({ data, lastEventId }) => say(`message ${JSON.stringify(data)}, lastEventId ${JSON.stringify(lastEventId)}`);
        mine.onerror = () => say(`error: ${state()}: the answer has ended, and the browser asks again`);
      },
      close(say) {
        if (!source) return;
        source.close();
        say(`closed: readyState ${STATES[source.readyState]}`);
      },
    });
  },

  xhr(place) {
    let request;
    box(place, {
      send(say) {
        request = new XMLHttpRequest();
        request.open("GET", "/try/lines");
        request.onreadystatechange = () => say(`readyState ${request.readyState}`);
        request.onprogress = () => say(`progress: responseText has ${request.responseText.length} characters`);
        request.onload = () => say(`load: status ${request.status}`);
        request.onabort = () => say("abort");
        request.send();
      },
      abort: () => request?.abort(),
    });
  },
};

for (const place of document.querySelectorAll("[data-try]")) KINDS[place.dataset.try]?.(place);
