// Rooms, shouts, roll call, and who is writing: what else a socket can do.
import { doing, note, tell, toggle } from "./room.js";

const $ = (id) => document.getElementById(id);

/** Puts this socket behind the controls. */
export function useRooms(socket) {
  const joined = toggle("join", async (on) => {
    const rooms = await socket.emitWithAck(on ? "join" : "leave", $("room").value.trim());
    tell("rooms", rooms.length ? `In ${rooms.join(", ")}.` : "In no room.");
  });
  socket.on("connect", () => {
    // A socket that has come back is in its rooms. A new one is in none.
    if (!socket.recovered && joined()) socket.emit("join", $("room").value.trim());
  });
  $("shout").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!joined()) return tell("rooms", "Join the room first: the server takes no shout from outside.");
    const heard = await socket.emitWithAck("shout", $("room").value.trim(), $("words").value);
    $("words").value = "";
    tell("rooms", `${heard} heard it.`);
  });
  socket.on("shouted", ({ room, by, text }) => note(`${by.slice(0, 8)} shouts in ${room}: ${text}`));

  socket.on("are you there", (asked, answer) => answer(socket.id.slice(0, 8)));
  $("roll").addEventListener("click", async () => {
    const { here, silent } = await socket.emitWithAck("roll-call");
    tell("rooms", `${here.length} answered: ${here.join(", ")}. Silent: ${silent}.`);
  });

  let told = 0;
  $("text").addEventListener("input", () => {
    if (Date.now() - told < 2_000) return;
    told = Date.now();
    socket.volatile.emit("typing"); // dropped when the transport is busy: a late one is of no use
  });
  let quiet;
  socket.on("typing", ({ by }) => {
    doing(`${by.slice(0, 8)} is writing`, false, "typing");
    clearTimeout(quiet);
    quiet = setTimeout(() => doing("", false, "typing"), 4_000);
  });
}
