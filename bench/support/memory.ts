/** What the machine's memory can do, to judge by it what the engine does with a million connections; and what is in use of it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects all garbage, so that what memory is still in use can be told. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** ns for one read of a random cache line in 64 MiB, each read depending on the one before; the least of several rounds. */
export function memoryLatency(): number {
  const lines = 1 << 20;
  const memory = new Int32Array(lines * 16);
  // a full cycle in an order that no prefetcher guesses: multiplication by an odd number permutes
  let line = 0;
  for (let i = 1; i <= lines; i++) {
    const next = scramble(i % lines, lines);
    memory[line * 16] = next * 16;
    line = next;
  }
  let best = Number.POSITIVE_INFINITY;
  let at = 0;
  const reads = 100_000;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    for (let i = 0; i < reads; i++) at = memory[at]!;
    best = Math.min(best, ((performance.now() - start) / reads) * 1e6);
  }
  // the loop must not be found useless
  return at < 0 ? 0 : best;
}

/** A permutation of 0..n-1, n a power of two, that keeps 0. */
function scramble(i: number, n: number): number {
  let x = Math.imul(i, 0x9e37_79b1) & (n - 1);
  x ^= x >>> 9;
  return Math.imul(x, 0x85eb_ca6b) & (n - 1);
}
