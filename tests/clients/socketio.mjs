// The official client: over each transport, by an upgrade, over a broken connection, with bytes and acknowledgements.
// Words: the demo's address, the bench's host and port, the package.json of the client.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [, , url, bench, folder] = process.argv;
const { io } = createRequire(folder)('socket.io-client');

/** The next event of this name. */
const next = (emitter, name) => new Promise((done) => emitter.once(name, (...args) => done(args)));

/** Orders something of the cable. */
async function cable(order) {
  const answer = await fetch(`http://${bench}/cable`, { method: 'POST', body: order, headers: { Origin: url } });
  assert.ok(answer.ok, await answer.text());
}

const open = (namespace, options) => io(url + namespace, { forceNew: true, reconnectionDelay: 50, ...options });

async function echo(options, transport) {
  const socket = open('/', { ...options, auth: { token: 'abc' } });
  const [auth] = await next(socket, 'auth');
  assert.deepEqual(auth, { token: 'abc' });
  assert.ok(!socket.recovered);
  if (transport === 'upgrade') {
    if (socket.io.engine.transport.name === 'polling') await next(socket.io.engine, 'upgrade');
    transport = 'websocket';
  }
  assert.equal(socket.io.engine.transport.name, transport);
  socket.emit('message', 1, '2', { 3: [true] });
  assert.deepEqual(await next(socket, 'message-back'), [1, '2', { 3: [true] }]);
  const bytes = Buffer.from([0, 1, 30, 255]);
  assert.deepEqual(await socket.emitWithAck('message-with-ack', { bytes, more: [bytes, 'text'] }), { bytes, more: [bytes, 'text'] });
  for (const length of [0, 1, 125, 126, 65535, 65536, 300000]) {
    const long = Buffer.alloc(length, 7);
    socket.emit('message', long, length);
    assert.deepEqual(await next(socket, 'message-back'), [long, length]);
  }
  const custom = socket.io.socket('/custom');
  await next(custom, 'connect');
  const nowhere = socket.io.socket('/nowhere');
  assert.equal((await next(nowhere, 'connect_error'))[0].message, 'Invalid namespace');
  custom.disconnect();
  assert.equal(await socket.emitWithAck('message-with-ack', 'still here'), 'still here');
  socket.disconnect();
}

await echo({ transports: ['websocket'] }, 'websocket');
await echo({ transports: ['polling'] }, 'polling');
await echo({}, 'upgrade');

// Without upgrades it stays on long polling, and all works.
await cable('no-upgrade');
const stays = open('/', {});
const refused = next(stays.io, 'open').then(() => next(stays.io.engine, 'upgradeError'));
await next(stays, 'connect');
assert.equal(await stays.emitWithAck('message-with-ack', 'no upgrade'), 'no upgrade');
await refused;
assert.equal(stays.io.engine.transport.name, 'polling');
stays.disconnect();
await cable('repair');

// The room: said, heard, acknowledged both ways.
const heard = [];
const room = open('/room', { auth: (send) => send({ after: '0' }) });
room.on('message', ({ text }) => heard.push(text));
room.on('are you there', (asked, answer) => answer('me'));
await next(room, 'here');
const id = room.id;
const { id: first } = await room.timeout(60_000).emitWithAck('say', 'żółw 🐢', 'k1');
assert.equal(first, 1);
if (!heard.length) await next(room, 'message');
assert.deepEqual(await room.emitWithAck('roll-call'), { here: ['me'], silent: 0 });
assert.deepEqual(await room.emitWithAck('join', 'red'), ['red']);
assert.match((await room.emitWithAck('say', ' ')).error, /empty/);

// Broken again and again: the socket comes back as the same one, and nothing is missing or doubled.
const texts = ['żółw 🐢'];
for (let n = 0; n < 4; n++) {
  // Reset in the middle of an upgrade, it would wait for its ping timeout, 45 s (engine.io-client 6.6).
  if (room.io.engine.transport.name !== 'websocket') await next(room.io.engine, 'upgrade');
  const back = next(room, 'connect');
  await cable('reset');
  const text = `while it was away ${n}`;
  const said = await fetch(`${url}/say`, { method: 'POST', body: text });
  assert.equal(said.status, 201);
  texts.push(text);
  await back;
  assert.equal(room.recovered, true, `time ${n}`);
  assert.equal(room.id, id);
  while (heard.length < texts.length) await next(room, 'message');
}
assert.deepEqual(heard, texts);
assert.equal(await room.emitWithAck('shout', 'red', 'still in my room'), 0);

// The server's own disconnect is final.
const gone = next(room, 'disconnect');
room.emit('send me away');
assert.deepEqual((await gone)[0], 'io server disconnect');
room.disconnect();
console.log('socket.io-client is content');
process.exit(0);
