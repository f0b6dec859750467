/** Spoils packets: quickly, so that ten million take a minute. */
import { CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, HEADROOM, type Packet } from '../../src/wire/packet.js';
import type { Random } from './random.js';

/** Values at the edges of what fields can hold. */
const EDGES = [
  0, 1, 4, 5, 6, 7, 8, 15, 16, 17, 40, 41, 43, 44, 47, 50, 51, 58, 59, 60, 63, 64, 127, 128, 132, 255,
];
/** Most changes to one packet are to its headers. */
const HEADERS = 96;

/** Makes inputs out of seeds. */
export class Mutator {
  private readonly seeds: readonly Uint8Array[];
  private readonly random: Random;

  constructor(seeds: readonly Uint8Array[], random: Random) {
    this.seeds = seeds;
    this.random = random;
  }

  /**
   * Fills `p` with a spoilt packet. Half of them end where the buffer ends, so that reading behind them is an error that is seen.
   * One in sixteen is left whole, so that connections come about.
   */
  fill(p: Packet): void {
    const { random } = this;
    const seed = random.pick(this.seeds);
    let len = seed.length;
    if (random.oneIn(8)) len = random.below(len + 1);
    else if (random.oneIn(16)) len += random.below(64);
    const data = random.oneIn(2) ? p.bytes.length - len : HEADROOM;
    p.reset(data, len);
    for (let i = 0; i < len; i++) p.bytes[data + i] = i < seed.length ? seed[i]! : 0xaa;
    if (random.oneIn(16)) return;
    for (let n = random.below(5); n > 0; n--) this.change(p);
    this.setMetadata(p);
  }

  private change(p: Packet): void {
    const { random } = this;
    if (p.len < 2) return;
    const reach = random.oneIn(4) ? p.len : Math.min(p.len, HEADERS);
    const at = p.data + random.below(reach - 1);
    switch (random.below(5)) {
      case 0:
        p.bytes[at] = p.bytes[at]! ^ (1 << random.below(8));
        break;
      case 1:
        p.bytes[at] = random.pick(EDGES);
        break;
      case 2:
        p.bytes[at] = random.below(256);
        break;
      case 3:
        p.view.setUint16(at, random.oneIn(2) ? p.len + random.below(9) - 4 : random.next());
        break;
      default:
        // the version and the header's length decide how all the rest is read
        p.bytes[p.data] = random.oneIn(2) ? 0x40 | random.below(16) : random.below(256);
    }
  }

  /** What came with the packet from the device: a checksum to be completed, segments to be cut, a mark. */
  private setMetadata(p: Packet): void {
    const { random } = this;
    if (random.oneIn(16)) p.mark = 1 + random.below(2);
    if (random.oneIn(2)) p.ifindex = 1;
    if (random.oneIn(4)) {
      p.ipSummed = random.oneIn(2) ? CHECKSUM_UNNECESSARY : CHECKSUM_PARTIAL;
      p.csumStart = random.oneIn(2) ? 20 : random.below(p.len + 1);
      p.csumOffset = random.oneIn(2) ? 16 : random.below(20);
    }
    if (random.oneIn(16)) p.gsoSize = 1 + random.below(200);
    if (random.oneIn(32)) p.fragMaxSize = 1 + random.below(1500);
  }
}
