// The clock: pictures that the browser itself takes out of a multipart answer. Not needed for the messages.
import { backOff, sleep, tell } from "./room.js";

/** Begins to show the server's clock in this place, or ends it. */
export function showPictures(place, on) {
  place.hidden = !on;
  place.replaceChildren(); // an <img> that is removed ends its connection
  if (on) watch(place);
}

/**
 * Shows the pictures, each in place of the one before. When the answer breaks, no event says so. Chromium then has an empty
 * picture; Firefox keeps the last one, and its load events stop. So the page looks, and asks for another picture.
 */
async function watch(place) {
  for (let failures = 0; !place.hidden; failures++) {
    const image = new Image(256, 64);
    let loads = 0;
    let last = Date.now();
    image.alt = "The time at the server, in UTC";
    image.onload = () => {
      tell("loads", ++loads);
      last = Date.now();
      failures = 0;
    };
    image.src = `/clock?${last}`; // an address that was not asked for before, or the browser shows the answer that it has
    place.replaceChildren(image);
    // After one load event it is open whether more will come (Firefox) or not (Chromium).
    const patience = () => [10_000, Infinity][loads] ?? 3_000;
    const alive = () => Date.now() - last < patience() && (image.naturalWidth || !image.complete);
    while (image.isConnected && alive()) await sleep(250);
    await sleep(backOff(failures + 1) * 1000);
    if (!image.isConnected) return;
  }
}
