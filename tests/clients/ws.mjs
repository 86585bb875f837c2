// npm ws, the client that most servers meet: says things to /echo and wants them back as they were.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const { WebSocket } = createRequire(new URL('../package.json', import.meta.url))('ws');

const socket = new WebSocket(process.argv[2], { perMessageDeflate: true });
await once(socket, 'open');
assert.equal(socket.extensions, '', 'the server must not agree to an extension that it does not know');

for (const length of [0, 1, 125, 126, 65535, 65536, 1_000_000]) {
  const bytes = randomBytes(length);
  socket.send(bytes);
  const [echo, binary] = await once(socket, 'message');
  assert.ok(binary && bytes.equals(echo), `${length} bytes`);
}
socket.send('żółw 🐢');
const [text, binary] = await once(socket, 'message');
assert.ok(!binary && text.toString() === 'żółw 🐢', 'text stays text');

// One message in three fragments, with a ping between them.
socket.send('Hel', { fin: false });
socket.send('lo, ', { fin: false });
socket.ping('still there?');
socket.send('world', { fin: true });
const [[pong], [whole]] = await Promise.all([once(socket, 'pong'), once(socket, 'message')]);
assert.equal(pong.toString(), 'still there?');
assert.equal(whole.toString(), 'Hello, world');

socket.close(4000, 'enough');
const [code] = await once(socket, 'close');
assert.equal(code, 4000, 'the status code of the close is echoed (RFC 6455, 5.5.1)');
console.log('ws is content');
