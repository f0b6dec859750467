/**
 * Steering by a BPF program at the ingress of Ethernet interfaces, past the kernel's routing. Rules steer what it does not see: what this host
 * sends itself, and what comes by other interfaces.
 */
import { relocate } from '../../ebpf/program.js';
import { steerProgram } from '../../ebpf/programs/steer.js';
import { STEER_KEY, STEER_MAP, STEER_SIDES } from '../../ebpf/programs/steer-map.js';
import { attachTcx, type BpfLink } from '../../linux/bpf-link.js';
import { BPF_F_NO_PREALLOC, BpfMap } from '../../linux/bpf-map.js';
import { BpfProgram } from '../../linux/bpf-program.js';
import { SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { ARPHRD_ETHER, type Link, listLinks } from '../../linux/rt-link.js';
import { inetBytes } from '../../wire/inet.js';
import type { Arrivals } from './arrivals.js';
import type { ChangingSet } from './changing-set.js';
import type { Place } from './place.js';

/** Entries at most: three for each service, two for each NAT real server. */
const ENTRIES = 1 << 18;

/** Writes the key of a place. */
export function writePlace(view: DataView, { side, address, protocol, port }: Place): void {
  const padded = new Uint8Array(16);
  if (address !== undefined) padded.set(inetBytes(address));
  STEER_KEY.write(view, 0, { address: padded, port, protocol, side: STEER_SIDES[side] });
}

/** The program, its map, and where it is attached. It goes with the process. */
export class SteeringProgram {
  readonly #socket: NetlinkSocket;
  readonly #names: readonly string[] | undefined;
  readonly #map: BpfMap;
  readonly #program: BpfProgram;
  readonly #links = new Map<number, BpfLink>();
  /** Interfaces may have changed. */
  #stale = true;
  /** An entry could not be removed: the map would steer too much. */
  #broken = false;

  /**
   * @param ifindex of the TUN device. @param arrivals what packets are handed over by. @param names of the interfaces that programs may be attached to; all when left out.
   * @throws VerifierError, SYSTEM
   */
  constructor(
    socket: NetlinkSocket,
    ifindex: number,
    arrivals: Pick<Arrivals, 'descriptors'>,
    names?: readonly string[],
  ) {
    this.#socket = socket;
    this.#names = names;
    this.#map = new BpfMap({ ...STEER_MAP, maxEntries: ENTRIES, flags: BPF_F_NO_PREALLOC });
    try {
      const program = steerProgram(ifindex);
      const instructions = relocate(program, { steer: this.#map.fd, ...arrivals.descriptors });
      this.#program = new BpfProgram('tc', { ...program, instructions });
    } catch (error) {
      this.#map.close();
      throw error;
    }
  }

  /** Interfaces have come, gone or changed: the next {@link attach} looks. */
  refresh(): void {
    this.#stale = true;
  }

  /** Takes over what is to be steered, and attaches the program where it is not yet. */
  attach(places: ChangingSet<Place>): void {
    for (const { item, there } of places.takeChanges()) this.#write(item, there);
    if (this.#broken) this.detach();
    if (this.#broken || !this.#stale) return;
    this.#stale = false;
    const wanted = listLinks(this.#socket).filter((link) => this.#isWanted(link));
    const there = new Set(wanted.map(({ index }) => index));
    for (const [index, link] of this.#links) {
      if (there.has(index)) continue;
      link.close();
      this.#links.delete(index);
    }
    for (const link of wanted) if (!this.#links.has(link.index)) this.#attachTo(link);
  }

  /** Steers nothing until the next {@link attach}. */
  detach(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    this.#stale = true;
  }

  close(): void {
    this.detach();
    this.#program.close();
    this.#map.close();
  }

  #write(place: Place, there: boolean): void {
    writePlace(this.#map.key, place);
    try {
      if (there) this.#map.update();
      else this.#map.delete();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // for what has no room there are rules
      this.#broken ||= !there;
    }
  }

  #isWanted({ name, type }: Link): boolean {
    return type === ARPHRD_ETHER && (this.#names === undefined || this.#names.includes(name));
  }

  /** An interface that is just going refuses, and so does a kernel without TCX, before 6.6. */
  #attachTo({ index }: Link): void {
    try {
      this.#links.set(index, attachTcx(this.#program, index));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }
}
