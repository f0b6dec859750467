/** Next hops that tc hands packets over to (`bpf_redirect_peer`): those at the other end of a veth, in another network namespace. */
import { hasTcxEgress } from '../../linux/bpf-link.js';
import { SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { getLink, type Link } from '../../linux/rt-link.js';
import { hasEgressFilters } from '../../linux/tc-filter.js';

/** An interface that was asked about. */
interface Known {
  /** Hardware address of its peer; undefined when packets are not to be handed over to that. */
  readonly peer: Uint8Array | undefined;
  /** When it is asked about anew, ms. */
  readonly until: number;
}

/** How long an answer holds, ms: nobody tells of programs that are attached, nor of changes in other namespaces. */
const LIFE = 2000;
/** Interfaces that are asked about within {@link SPAN} ms at most: there may be thousands. */
const AT_ONCE = 16;
const SPAN = 250;

/**
 * Knows which interfaces are the ends of such veths, and that nobody sees what leaves by them: no queueing discipline, no program or filter at egress. A peer
 * that is not the next hop itself, but a port of a bridge for instance, is not handed anything: it takes what it gets for its own.
 */
export class Peers {
  readonly #socket: NetlinkSocket;
  readonly #known = new Map<number, Known>();
  #links = new Map<number, Link>();
  #span = { until: 0, asked: 0 };

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Takes over what has become of interfaces. @param links all of the namespace. */
  refresh(links: readonly Link[]): void {
    const before = this.#links;
    this.#links = new Map(links.map((link) => [link.index, link]));
    for (const index of this.#known.keys()) {
      const [was, is] = [before.get(index), this.#links.get(index)];
      if (is === undefined || !isSame(was, is)) this.#known.delete(index);
    }
  }

  /** True while packets for this hardware address may be handed over to the interface's peer. @param now ms. */
  has(ifindex: number, hardware: Uint8Array, now: number): boolean {
    const link = this.#links.get(ifindex);
    if (link === undefined || !mayHave(link)) return false;
    let known = this.#known.get(ifindex);
    if ((known === undefined || known.until <= now) && this.#mayAsk(now)) {
      known = { peer: this.#ask(ifindex), until: now + LIFE };
      this.#known.set(ifindex, known);
    }
    return known?.peer?.every((byte, i) => byte === hardware[i]) === true;
  }

  #mayAsk(now: number): boolean {
    if (now >= this.#span.until) this.#span = { until: now + SPAN, asked: 0 };
    return this.#span.asked++ < AT_ONCE;
  }

  /** The hardware address of the peer, if packets may be handed over to it. */
  #ask(ifindex: number): Uint8Array | undefined {
    try {
      const link = getLink(this.#socket, ifindex);
      if (!mayHave(link) || link.qdisc !== 'noqueue') return undefined;
      if (hasTcxEgress(ifindex) || hasEgressFilters(this.#socket, ifindex)) return undefined;
      const peer = getLink(this.#socket, link.lower, link.lowerNetns);
      // it would not see them
      return peer.xdp || !peer.up ? undefined : peer.address;
    } catch (error) {
      // it is gone, or the other namespace is not ours to look into
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }
}

function mayHave({ kind, up, lower, lowerNetns }: Link): boolean {
  return kind === 'veth' && up && lower !== 0 && lowerNetns !== undefined;
}

function isSame(a: Link | undefined, b: Link): boolean {
  return a?.lower === b.lower && a.lowerNetns === b.lowerNetns && a.qdisc === b.qdisc && a.up === b.up;
}
