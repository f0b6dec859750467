/**
 * `flood.js ADDRESS PORT RATE MILLISECONDS`: sends datagrams of 18 bytes (frames of 64, the smallest of Ethernet) in 16 flows, RATE a second
 * or as many as it can when RATE is 0. Prints what was sent as JSON. One system call hands over many datagrams, which the client's link then
 * cuts apart (`packets.ts` sees to that): a sender that is cheap leaves the machine to what is measured.
 */
import { Memory } from '../../src/linux/libc.js';
import { connected, SOCK_DGRAM, segmented, send, usleep } from './sockets.js';

const PAYLOAD = 18;
const FLOWS = 16;
/** Datagrams in one system call. */
const BATCH = 32;
/** What it may make up for when it was held up, ms of its rate: more than a queue holds would be lost. */
const CATCH_UP = 5;
/** Microseconds. */
const PAUSE = 20;

/** What was sent. */
export interface Offered {
  readonly sent: number;
  readonly seconds: number;
}

const [address, port] = [process.argv[2]!, Number(process.argv[3])];
const [rate, milliseconds] = [Number(process.argv[4]), Number(process.argv[5])];
const flows = Array.from({ length: FLOWS }, () => connected(SOCK_DGRAM, address, port));
for (const fd of flows) segmented(fd, PAYLOAD);
const payload = new Memory(PAYLOAD * BATCH);

let sent = 0;
let flow = 0;
let credit = 0;
const start = performance.now();
let last = start;
for (;;) {
  const now = performance.now();
  if (now - start >= milliseconds) break;
  if (rate > 0) {
    credit = Math.min(credit + ((now - last) * rate) / 1000, (CATCH_UP * rate) / 1000 + BATCH);
    last = now;
    if (credit < BATCH) {
      usleep(PAUSE);
      continue;
    }
  }
  flow = (flow + 1) % FLOWS;
  if (send(flows[flow]!, payload.address, payload.bytes.length, 0) < 0) continue;
  sent += BATCH;
  credit -= BATCH;
}
const result: Offered = { sent, seconds: (performance.now() - start) / 1000 };
process.stdout.write(JSON.stringify(result));
