/** How many ICMP errors this host sends: the kernel's token bucket for each destination (`inet_peer_xrlim_allow`). */
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMPV6_PKT_TOOBIG } from '../../wire/icmp.js';
import { AF_INET, type InetAddr, inetToString } from '../../wire/inet.js';

/** Time between two errors to one destination (`net.ipv4.icmp_ratelimit`), ms. */
const INTERVAL = 1000;
/** So many may go at once after a pause. */
const BURST = 6;
/** Destinations remembered; a flood from forged sources only makes it forget sooner. */
const LIMIT = 4096;

/** Decides for each error whether it may go. */
export class IcmpLimit {
  readonly #peers = new Map<string, { tokens: number; last: number }>();

  /** @param to whom the error is for. @param now ms. */
  allow(to: InetAddr, type: number, code: number, now: number): boolean {
    // path MTU discovery depends on these
    if (
      to.family === AF_INET
        ? type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED
        : type === ICMPV6_PKT_TOOBIG
    ) {
      return true;
    }
    const key = inetToString(to);
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      if (this.#peers.size >= LIMIT) this.#peers.clear();
      peer = { tokens: BURST * INTERVAL, last: now };
      this.#peers.set(key, peer);
    }
    peer.tokens = Math.min(peer.tokens + now - peer.last, BURST * INTERVAL);
    peer.last = now;
    if (peer.tokens < INTERVAL) return false;
    peer.tokens -= INTERVAL;
    return true;
  }
}
