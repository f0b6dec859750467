/** TCP connections that are over but for their wait: their flows are removed a while later, so that the client's port may begin anew, and others have the room. */
import { NO_CONN } from '../../engine/conn-table.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { isOver, ownerNumber, ownerOf } from './flows-of.js';

/** As many wait at most; those for which there is no room keep their flows to the end. A power of two. */
const ROOM = 65_536;
/** Time for what is still under way, ns: the last acknowledgement, and what is sent again. */
const DELAY = 1e9;

/** Those that wait, the longest waiting first. */
export class Endings {
  readonly #ipvs: NetnsIpvs;
  readonly #owners = new Uint32Array(ROOM);
  readonly #times = new Float64Array(ROOM);
  #first = 0;
  #count = 0;

  constructor(ipvs: NetnsIpvs) {
    this.#ipvs = ipvs;
  }

  /** Connection `c` {@link isOver}. @param time CLOCK_MONOTONIC, ns. */
  add(c: number, time: number): void {
    if (this.#count === ROOM) return;
    const at = (this.#first + this.#count++) & (ROOM - 1);
    this.#owners[at] = ownerNumber(this.#ipvs, c);
    this.#times[at] = time;
  }

  /** Calls `end` with those that have waited long enough, and are still over. @param time CLOCK_MONOTONIC, ns. */
  take(time: number, end: (c: number) => void): void {
    while (this.#count > 0 && time - this.#times[this.#first]! >= DELAY) {
      const c = ownerOf(this.#ipvs, this.#owners[this.#first]!);
      this.#first = (this.#first + 1) & (ROOM - 1);
      this.#count--;
      if (c !== NO_CONN && isOver(this.#ipvs, c)) end(c);
    }
  }
}
