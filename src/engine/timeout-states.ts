/** The states that timeouts can be set for, by their names. Apart from what uses them: commands need the names, and nothing else of the engine. */
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from './flags.js';
import { SCTP_STATES } from './sctp-states.js';
import { TCP_STATES } from './tcp-states.js';

/** States by protocol, in the order of their numbers, as options name them. NONE is no state that anything waits in. */
export const PROTOCOL_STATES: ReadonlyMap<number, readonly string[]> = new Map([
  [IPPROTO_TCP, TCP_STATES.map((name) => name.toLowerCase())],
  [IPPROTO_UDP, ['udp']],
  [IPPROTO_SCTP, SCTP_STATES.map((name) => name.toLowerCase())],
]);

/** All states that may have a timeout of their own. */
export const TIMEOUT_STATES: readonly string[] = [...new Set([...PROTOCOL_STATES.values()].flat())].filter(
  (name) => name !== 'none',
);
