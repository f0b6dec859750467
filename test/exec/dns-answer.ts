/** A name server that has an answer to everything, `node dns-answer.js ADDRESS PORT`: the question with the bits of an answer (RFC 1035, 4.1.1). */
import { createSocket } from 'node:dgram';

const [address, listen] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (message, { port, address: client }) => {
  message.writeUInt16BE(0x8400, 2);
  socket.send(message, port, client);
});
socket.bind(Number(listen), address, () => console.log('ready'));
