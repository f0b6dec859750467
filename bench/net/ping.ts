/**
 * `ping.js ADDRESS PORT COUNT`: COUNT times a request of 64 bytes over one TCP connection and its answer, with a pause after each.
 * Prints percentiles of the round trips, microseconds, as JSON.
 */
import { libc, Memory } from '../../src/linux/libc.js';
import { connected, SOCK_STREAM, send, usleep } from './sockets.js';
import { percentile } from './statistics.js';

/** Round trips before any is counted: programs along the way are compiled while they run. */
const WARM_UP = 1000;
const LENGTH = 64;
/** Microseconds. */
const PAUSE = 200;

/** Round trip times, microseconds. */
export interface RoundTrips {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

function roundTrip(fd: number, memory: Memory): number {
  const start = performance.now();
  if (send(fd, memory.address, LENGTH, 0) !== LENGTH) throw new Error('the request could not be sent');
  let got = 0;
  while (got < LENGTH) {
    const n = libc.read(fd, memory.address, LENGTH);
    if (n <= 0) throw new Error(`no answer after ${got} bytes`);
    got += n;
  }
  return (performance.now() - start) * 1000;
}

const [address, port, count] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const memory = new Memory(LENGTH);
const fd = connected(SOCK_STREAM, address, port);
for (let i = 0; i < WARM_UP; i++) roundTrip(fd, memory);
const times = new Float64Array(count);
for (let i = 0; i < count; i++) {
  times[i] = roundTrip(fd, memory);
  usleep(PAUSE);
}
times.sort();
const result: RoundTrips = {
  p50: percentile(times, 0.5),
  p99: percentile(times, 0.99),
  p999: percentile(times, 0.999),
};
process.stdout.write(JSON.stringify(result));
