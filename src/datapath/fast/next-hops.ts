/** Hardware addresses for programs that ask nobody: those of neighbours that the kernel keeps confirming. */
import type { Hardware } from '../../ebpf/flow.js';
import { NUD_NOARP, NUD_STALE } from '../../linux/rt-neighbour.js';
import type { InetAddr } from '../../wire/inet.js';

/** A neighbour, as the kernel last told of it. */
export interface NextHop {
  /** Its hardware address, in states in which it may be used. */
  readonly hardware: Uint8Array | undefined;
  /** NUD_* */
  readonly state: number;
  /** When the kernel last told of it, ms. */
  readonly since: number;
  /** It is followed no longer, and must be found anew. */
  readonly stale: boolean;
  /** Set by whoever uses it. What nobody has set for a second is followed no longer; what is used the kernel is asked to confirm. */
  used: boolean;
}

/** What next hops ask of the machine. */
export interface NextHopHost {
  /** Its clock, ms. */
  readonly now: number;
  /** Counts what the kernel has told of neighbours. */
  readonly neighbourGeneration: number;
  neighbour(ifindex: number, address: InetAddr): NextHop;
  /** Of our own interface. */
  hardwareAddress(ifindex: number): Uint8Array | undefined;
}

/** A neighbour that was asked to show itself is confirmed, or given up, within these ms (5 s of patience, and three solicitations). */
const STALE_MAX = 10_000;
const ADDRESS = 6;
/** How often next hops are looked at even though no news has come, ms: more often than the neighbour table forgets what nobody uses. */
const INTERVAL = 250;

/** Finds the addresses of frames. */
export class NextHops {
  readonly #host: NextHopHost;
  /** XDP can send by the interface. */
  readonly canSend: (ifindex: number) => boolean;
  readonly #isPeer: (ifindex: number, hardware: Uint8Array) => boolean;
  #generation = -1;
  #next = 0;

  /**
   * @param canSend tells whether XDP can send by an interface.
   * @param isPeer tells whether a hardware address is that of an interface's peer, to which tc may hand packets over.
   */
  constructor(
    host: NextHopHost,
    canSend: (ifindex: number) => boolean,
    isPeer: (ifindex: number, hardware: Uint8Array) => boolean = () => false,
  ) {
    this.#host = host;
    this.canSend = canSend;
    this.#isPeer = isPeer;
  }

  /** It is time to take over what has become of neighbours. */
  hasChanged(): boolean {
    const { now, neighbourGeneration } = this.#host;
    if (neighbourGeneration === this.#generation && now < this.#next) return false;
    this.#generation = neighbourGeneration;
    this.#next = now + INTERVAL;
    return true;
  }

  /** Interfaces have changed: that is news, too. */
  lookAgain(): void {
    this.#next = 0;
  }

  /** The neighbour; asked for when it is new. */
  find(ifindex: number, address: InetAddr): NextHop {
    return this.#host.neighbour(ifindex, address);
  }

  /** The addresses of frames to a neighbour; undefined while they are not to be relied on. To be asked several times a second, which keeps the neighbour followed. */
  addresses(hop: NextHop, ifindex: number): Hardware | undefined {
    hop.used = true;
    const source = this.#host.hardwareAddress(ifindex);
    const destination = hop.hardware;
    if (destination?.length !== ADDRESS || source?.length !== ADDRESS) return undefined;
    // what needs no resolution changes without a word
    if (hop.state === NUD_NOARP) return undefined;
    if (hop.state === NUD_STALE && this.#host.now - hop.since > STALE_MAX) return undefined;
    return { destination, source, xdp: this.canSend(ifindex), peer: this.#isPeer(ifindex, destination) };
  }
}
