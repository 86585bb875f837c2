// The chat's peer: the same rooms on npm `ws`, as its users write them. Room and name are in the address; an event is JSON.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../package.json", import.meta.url));
const { WebSocketServer } = require("ws");

const HISTORY = 100;
const rooms = new Map(); // by name: { log, keys, members }

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: 16 * 1024 });
server.on("listening", () => console.log(`chat on ws: http://127.0.0.1:${server.address().port}`));
server.on("connection", (socket, request) => {
  const wish = new URL(request.url, "http://here").searchParams;
  const name = wish.get("name") ?? "guest";
  const roomName = wish.get("room") ?? "lobby";
  if (!rooms.has(roomName)) rooms.set(roomName, { log: [], last: 0, keys: new Map(), members: new Map() });
  const room = rooms.get(roomName);
  const tellAll = (event) => {
    const text = JSON.stringify(event);
    for (const member of room.members.keys()) member.send(text);
  };
  const tell = (event) => socket.send(JSON.stringify(event));
  tellAll({ type: "joined", name });
  room.members.set(socket, name);
  tell({ type: "here", life: "0", after: 0, room: roomName, you: name, names: [...room.members.values()] });
  for (const message of room.log) tell(message);

  socket.on("message", (data) => {
    const { type, text, key } = JSON.parse(data);
    if (type !== "say" || !text) return tell({ type: "refused", key, why: "?" });
    if (!room.keys.has(key)) {
      const message = { type: "message", id: ++room.last, by: name, text, at: Date.now() };
      room.keys.set(key, message.id);
      room.log.push(message);
      if (room.log.length > HISTORY) room.log.shift();
      tellAll(message);
    }
    tell({ type: "said", key, id: room.keys.get(key) });
  });
  socket.on("close", () => {
    room.members.delete(socket);
    tellAll({ type: "left", name });
    if (room.members.size === 0) rooms.delete(roomName);
  });
  socket.on("error", () => {});
});
