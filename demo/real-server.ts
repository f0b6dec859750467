/** A real server: answers every HTTP request and every datagram with its name, on all addresses. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { HTTP_PORT, UDP_PORT } from './layout.js';

const name = process.argv[2] ?? 'nobody';

createServer((_request, response) => {
  response.setHeader('connection', 'close');
  response.end(name);
}).listen(HTTP_PORT, '::');

// a socket for each address, so that an answer comes from the address that was asked
for (const { address, family } of Object.values(networkInterfaces()).flatMap((all) => all ?? [])) {
  if (address.startsWith('fe80:')) continue;
  const socket = createSocket(family === 'IPv6' ? 'udp6' : 'udp4');
  socket.on('message', (_data, peer) => socket.send(name, peer.port, peer.address));
  socket.bind(UDP_PORT, address);
}
