/** A real server's UDP echo, run as `node echo.js NAME PORT`: answers every datagram with its name and the datagram, on each address it has. */
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';

const [name, port] = process.argv.slice(2);
const addresses = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .filter(({ address }) => !address.startsWith('fe80:'));
let waiting = addresses.length;
// a socket for each address, so that an answer comes from the address that was asked
for (const { address, family } of addresses) {
  const socket = createSocket(family === 'IPv6' ? 'udp6' : 'udp4');
  socket.on('message', (message, peer) => socket.send(`${name} ${message}`, peer.port, peer.address));
  socket.bind(Number(port), address, () => {
    if (--waiting === 0) console.log('ready');
  });
}
