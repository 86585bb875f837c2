// npm ws in the chat: two members join, talk, whisper, are pinged, come back behind a cursor, and leave.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const { WebSocket } = createRequire(new URL('../package.json', import.meta.url))('ws');

/** A member; `next(type)` waits for its next event of this type. */
async function join(query) {
  const socket = new WebSocket(`${process.argv[2]}?${query}`, 'room', { perMessageDeflate: true });
  const events = [];
  let wake = () => {};
  socket.on('message', (data) => (events.push(JSON.parse(data)), wake()));
  await once(socket, 'open');
  assert.equal(socket.extensions, '', 'no extension was agreed to');
  const next = async (type) => {
    for (;;) {
      while (events.length) {
        const event = events.shift();
        if (event.type === type) return event;
      }
      await new Promise((done) => (wake = done));
    }
  };
  const send = (event) => socket.send(JSON.stringify(event));
  return { socket, next, send, here: await next('here') };
}

const ann = await join('room=ws&name=ann');
const bob = await join('room=ws&name=bob');
assert.equal((await ann.next('joined')).name, 'bob');
ann.send({ type: 'say', text: 'żółw 🐢', key: 'k1' });
for (const member of [ann, bob]) {
  const { by, text } = await member.next('message');
  assert.deepEqual([by, text], ['ann', 'żółw 🐢']);
}
assert.equal((await ann.next('said')).id, 1);
ann.send({ type: 'private', to: 'bob', text: 'psst', key: 'k2' });
assert.equal((await bob.next('private')).text, 'psst');

bob.socket.ping('still there?');
assert.equal((await once(bob.socket, 'pong')).toString(), 'still there?');
bob.socket.send('{"type":"say","te', { fin: false });
bob.socket.ping('in between');
bob.socket.send('xt":"in two fragments","key":"k3"}', { fin: true });
assert.equal((await ann.next('message')).text, 'in two fragments');

bob.socket.close(4000, 'enough');
const [code] = await once(bob.socket, 'close');
assert.equal(code, 4000, 'the status code of the close is echoed (RFC 6455, 5.5.1)');
assert.equal((await ann.next('left')).name, 'bob');
const back = await join(`room=ws&name=bob&after=${bob.here.life}-1`);
assert.equal((await back.next('message')).text, 'in two fragments');
ann.socket.close();
back.socket.close();
console.log('ws is content');
