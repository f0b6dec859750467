/**
 * A file through one TCP connection, as `nc` carries it: `node tcp-file.js take PORT FILE` writes what comes in by each connection into FILE, and
 * closes the connection when it is written; `node tcp-file.js give ADDRESS PORT FILE` sends FILE and waits for that.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';

const [what, ...args] = process.argv.slice(2);
if (what === 'take') {
  const [port, file] = args;
  createServer({ allowHalfOpen: true }, async (socket) => {
    writeFileSync(file!, await buffer(socket));
    socket.end();
  }).listen(Number(port), '::', () => console.log('ready'));
} else {
  const [address, port, file] = args;
  const socket = connect(Number(port), address!, () => socket.end(readFileSync(file!)));
  socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
  await buffer(socket);
}
