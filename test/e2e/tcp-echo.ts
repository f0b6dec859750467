/** A real server's TCP echo, run as `node tcp-echo.js PORT`: sends back what comes, on each address it has. */
import { createServer } from 'node:net';

createServer((socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
}).listen({ port: Number(process.argv[2]), host: '::', backlog: 2048 }, () => console.log('ready'));
