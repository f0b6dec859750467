/**
 * How long programs may rely on the hardware addresses of ways. Whoever follows neighbours says so again and again; when it is late, or gone while programs
 * are pinned, the kernel looks addresses up by itself.
 */
import { LEASE } from '../../ebpf/programs/flow-maps.js';
import type { BpfMap } from '../../linux/bpf-map.js';
import { monotonicNs } from './monotonic.js';

/** ns: some turns of a loop that wakes up once a second at least. */
const TERM = 3e9;

/** The lease of all ways. */
export class Lease {
  /** {@link LEASE} */
  readonly #map: BpfMap;

  constructor(map: BpfMap) {
    this.#map = map;
  }

  /** All addresses are right now. */
  extend(): void {
    this.#write(monotonicNs() + TERM);
  }

  /** Nobody follows neighbours any more. */
  end(): void {
    this.#write(0);
  }

  #write(until: number): void {
    LEASE.write(this.#map.value, 0, { until });
    this.#map.update();
  }
}
