/** How often the host says to a sender that there is no route: `ip_error`, and what all other errors take from it. */

/** What one answer takes, ms (`ip_rt_error_cost`), and what can be saved for later ones (`ip_rt_error_burst`). */
const COST = 1000;
const BURST = 5000;

/** The `inet_peer` of each sender, by its IPv4 address, as far as errors go. */
export class ErrorBudget {
  readonly #peers = new Map<number, { tokens: number; last: number }>();

  /** True when `peer` may be told once more. @param now ms. */
  allows(peer: number, now: number): boolean {
    const known = this.#peers.get(peer);
    const tokens = known === undefined ? BURST : Math.min(known.tokens + now - known.last, BURST);
    const allowed = tokens >= COST;
    this.#peers.set(peer, { tokens: allowed ? tokens - COST : tokens, last: now });
    return allowed;
  }

  /** An error of any kind has gone to `peer`, unlimited (`icmp_ratelimit` 0), which takes all that was saved. */
  spend(peer: number, now: number): void {
    this.#peers.set(peer, { tokens: 0, last: now });
  }
}
