/**
 * TCP that ends in other ways than usual. `node tcp-half.js serve PORT` answers when its client has ended: PIECES pieces, one each 50 ms. `node tcp-half.js
 * half ADDRESS PORT` ends at once, reads on and prints how many bytes came; `node tcp-half.js reset ADDRESS PORT` resets the connection.
 */
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const PIECES = 40;
const PIECE = 65_536;
const GAP = 50;
/** Bytes of an answer. */
export const ANSWER: number = PIECES * PIECE;

function serve(port: number): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.resume().on('end', async () => {
      for (let i = 0; i < PIECES; i++) {
        socket.write(Buffer.alloc(PIECE));
        await sleep(GAP);
      }
      socket.end();
    });
  });
  server.listen(port, '::', () => console.log('ready'));
}

function ask(how: string, host: string, port: number): void {
  const socket = connect({ host, port, allowHalfOpen: true }, () => {
    if (how === 'reset') socket.resetAndDestroy();
    else socket.end();
  });
  let length = 0;
  socket.on('data', (part) => {
    length += part.length;
  });
  socket.on('end', () => console.log(length));
}

const [what, ...rest] = process.argv.slice(2);
if (what === 'serve') serve(Number(rest[0]));
else if (what !== undefined) ask(what, rest[0]!, Number(rest[1]));
