/** Finding out what differs between runs of the same scenario. */
import type { Outcome } from '../../src/datapath/scenario/format.js';

/** Parts of an outcome that differ from run to run: for a list indices, or a text when the lists differ as a whole. */
export type Volatile = NonNullable<Outcome['volatile']> & { errors?: number[] | string };

const PROTOCOL_IPIP = 4;
const PROTOCOL_IPV6 = 41;
const LISTS = ['dumps', 'dumps_normalised', 'rule_results', 'ipvsadm_results', 'errors'] as const;

/** What is not the same in all `outcomes` of one scenario; undefined when nothing is. */
export function findVolatile(outcomes: readonly Outcome[]): Volatile | undefined {
  const found: Volatile = emittedDifferences(outcomes);
  for (const key of LISTS) {
    const different = listDifferences(outcomes.map((outcome) => outcome[key]));
    if (different !== undefined) found[key] = different;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

function emittedDifferences(outcomes: readonly Outcome[]): Volatile {
  const shapes = outcomes.map((r) => JSON.stringify(r.emitted.map((e) => [e.event, e.to, e.hex.length])));
  if (new Set(shapes).size > 1) return { emitted: 'number, order, direction or size of packets' };
  const octets: Record<string, number[]> = {};
  outcomes[0]!.emitted.forEach((_, i) => {
    const different = differentOctets(outcomes.map((r) => Buffer.from(r.emitted[i]!.hex, 'hex')));
    if (different.length > 0) octets[i] = different;
  });
  return Object.keys(octets).length > 0 ? { emitted_octets: octets } : {};
}

/** Offsets of the 16-bit words that are not the same in all packets. */
function differentOctets(packets: readonly Buffer[]): number[] {
  const first = packets[0]!;
  const words = new Set<number>();
  for (let i = 0; i < first.length; i++) {
    if (packets.some((packet) => packet[i] !== first[i])) words.add(i & ~1);
  }
  for (const pair of headerPairs(first, 0)) {
    // a word may happen to be equal in these few runs
    if (pair.some((word) => words.has(word))) for (const word of pair) words.add(word);
  }
  return [...words].sort((a, b) => a - b).flatMap((w) => (w + 1 < first.length ? [w, w + 1] : [w]));
}

/** Words that vary together, by IP header: identification and header checksum, and the halves of a flow label. */
function headerPairs(packet: Buffer, at: number): number[][] {
  const version = packet[at] === undefined ? 0 : packet[at] >>> 4;
  if (version !== 4 && version !== 6) return [];
  const pair = version === 4 ? [at + 4, at + 10] : [at, at + 2];
  const protocol = packet[at + (version === 4 ? 9 : 6)];
  const tunnel = protocol === PROTOCOL_IPIP || protocol === PROTOCOL_IPV6;
  return [pair, ...(tunnel ? headerPairs(packet, at + (version === 4 ? 20 : 40)) : [])];
}

function listDifferences(lists: readonly (readonly unknown[])[]): number[] | 'length' | undefined {
  const [first, ...others] = lists.map((list) => list.map((entry) => JSON.stringify(entry)));
  if (others.some((other) => other.length !== first!.length)) return 'length';
  const different = first!.flatMap((entry, i) => (others.some((other) => other[i] !== entry) ? [i] : []));
  return different.length > 0 ? different : undefined;
}
