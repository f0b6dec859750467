/** A real server for tests, run as `node server.js NAME ADDRESS...`: HTTP on ports 80 and 8080, and UDP echo on port 53 of each address. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';

const [name, ...addresses] = process.argv.slice(2);
let waiting = 2 + addresses.length;
const ready = (): void => {
  if (--waiting === 0) console.log('ready');
};
for (const port of [80, 8080]) {
  // clients that keep their connections do so for longer than any test
  createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    request.on('end', () =>
      response.end(request.url === '/large' ? Buffer.alloc(4 << 20, name) : `${name} ${length}`),
    );
  }).listen(port, '::', ready);
}
for (const address of addresses) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, { port, address: client }) =>
    socket.send(`${name} ${message}`, port, client),
  );
  socket.bind(53, address, ready);
}
