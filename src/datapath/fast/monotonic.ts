/** The clock of BPF programs. */

const NS_PER_MS = 1e6;
/** Between the two clocks of this process: that of `performance.now()` and CLOCK_MONOTONIC; ns. */
const offset = Number(process.hrtime.bigint()) - performance.now() * NS_PER_MS;

/** CLOCK_MONOTONIC, ns, as programs write it. */
export function monotonicNs(): number {
  return offset + performance.now() * NS_PER_MS;
}
