// Stage machinery: not the lesson. It puts Ruffle, the Flash emulator, on the page and lets it play the movie.
import { enable } from "./controls.js";
import { doing } from "./room.js";

/**
 * Loads Ruffle from the address `files` and puts a player on the stage. A TCP connection to `host` and `port`, which no
 * page may open, goes over the WebSocket at `proxyUrl` instead. Without Ruffle the result is undefined, and the page says
 * what to do.
 */
export async function player(files, { host, port, proxyUrl }) {
  doing("loading the emulator");
  window.RufflePlayer = { config: {
    autoplay: "on",
    unmuteOverlay: "hidden",
    splashScreen: false,
    contextMenu: "off",
    allowScriptAccess: true, // without it, ExternalInterface does nothing
    preferredRenderer: "canvas", // WebGL, its first choice, is slow without a graphics card
    deviceFontRenderer: "canvas",
    publicPath: files,
    socketProxy: [{ host, port, proxyUrl }],
  } };
  const script = document.createElement("script");
  script.src = `${files}ruffle.js`;
  const loaded = new Promise((done) => {
    script.onload = () => done(true);
    script.onerror = () => done(false);
  });
  document.head.append(script);
  if (!(await loaded)) return missing();
  const movie = window.RufflePlayer.newest().createPlayer();
  movie.inert = true; // there is nothing to press in it, and it would keep the Tab key for itself
  document.querySelector("#stage").replaceChildren(movie);
  return movie;
}

/** Plays the SWF at `url`; `parameters` are its FlashVars. */
export async function play(movie, url, parameters) {
  try {
    await movie.ruffle().load({ url, parameters });
    enable();
  } catch (error) {
    doing(`the emulator failed: ${error.message}`, true);
  }
}

function missing() {
  const text = document.createElement("p");
  text.textContent = `The movie can't run: Ruffle, the Flash emulator, is not here. Stop the demo, type “make ruffle” once
    (npm fetches 10 MB), start the demo again. What you say now goes by HTTP, and this page hears nothing.`;
  document.querySelector("#stage").replaceChildren(text);
  doing("no emulator: run “make ruffle”", true);
}
