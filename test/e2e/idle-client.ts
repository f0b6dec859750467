/**
 * A client that keeps its connection: `node idle-client.js ADDRESS PORT` asks once, says `ready` when it has the answer, and then waits until the
 * connection ends. It prints how: `end`, or the code of the error.
 */
import { connect } from 'node:net';

const [host, port] = process.argv.slice(2);
const socket = connect({ host: host!, port: Number(port) });
socket.once('data', () => console.log('ready'));
socket.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
socket.on('end', () => console.log('end'));
socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n');
