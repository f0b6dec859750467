/** `echo.js PORT`: sends back what comes by TCP, one connection at a time. */
import { checked } from '../../src/linux/errno.js';
import { closeFd } from '../../src/linux/fd.js';
import { libc, Memory } from '../../src/linux/libc.js';
import { accept, listening, send, tune } from './sockets.js';

const memory = new Memory(65536);
const listener = listening(Number(process.argv[2]));
for (;;) {
  const fd = checked(accept(listener, 0, 0), 'accept');
  tune(fd);
  for (;;) {
    const n = libc.read(fd, memory.address, memory.bytes.length);
    if (n <= 0 || send(fd, memory.address, n, 0) !== n) break;
  }
  closeFd(fd);
}
