/**
 * A client that takes its time: `node slow-get.js ADDRESS PORT PATH` asks, says `ready` when the answer begins, and reads no further until SIGTERM. Then
 * it reads all and prints how many bytes the body had.
 */
import { get } from 'node:http';

const [host, port, path] = process.argv.slice(2);
get({ host: host!, port: Number(port), path: path!, agent: false }, (response) => {
  let length = 0;
  // a socket that is not read keeps no process alive
  const waiting = setInterval(() => {}, 1000);
  process.on('SIGTERM', () => {
    clearInterval(waiting);
    response.on('data', (part: Buffer) => {
      length += part.length;
    });
    response.on('end', () => console.log(length));
  });
  console.log('ready');
});
