// Ruffle, the Flash emulator: it is loaded from a port of its own, since it is 14 megabytes that are not the lesson.

/**
 * Loads Ruffle from `files` and makes a player, an element for the page; none when Ruffle is not there. A TCP connection to
 * `host` and `port`, which no page may open, goes over the WebSocket at `proxyUrl` instead.
 */
export function emulator(files, { host, port, proxyUrl }) {
  window.RufflePlayer = { config: {
    autoplay: "on",
    unmuteOverlay: "hidden",
    splashScreen: false,
    contextMenu: "off",
    allowScriptAccess: true, // or ExternalInterface is silent
    deviceFontRenderer: "canvas",
    publicPath: files,
    socketProxy: [{ host, port, proxyUrl }],
  } };
  const script = document.createElement("script");
  script.src = `${files}ruffle.js`;
  return new Promise((loaded) => {
    script.onload = () => loaded(window.RufflePlayer.newest().createPlayer());
    script.onerror = () => loaded();
    document.head.append(script);
  });
}
