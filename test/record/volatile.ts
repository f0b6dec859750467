/** Finding out what differs between runs of the same scenario. */
import { type AnyResult, isCrash, type ScenarioResult, type Volatile } from './format.js';

const LISTS = ['dumps', 'dumps_normalised', 'rule_results', 'ipvsadm_results', 'errors'] as const;

/** What is not the same in every result of `runs`, all of one scenario; undefined when nothing is. */
export function findVolatile(runs: readonly AnyResult[]): Volatile | undefined {
  const results: ScenarioResult[] = [];
  for (const run of runs) {
    if (isCrash(run)) return { crash: true };
    results.push(run);
  }
  const found: Volatile = emittedDifferences(results);
  for (const key of LISTS) {
    const different = listDifferences(results.map((result) => result[key]));
    if (different !== undefined) found[key] = different;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

function emittedDifferences(results: readonly ScenarioResult[]): Volatile {
  const shapes = results.map((r) => JSON.stringify(r.emitted.map((e) => [e.event, e.to, e.hex.length])));
  if (new Set(shapes).size > 1) return { emitted: 'number, order, direction or size of packets' };
  const octets: Record<string, number[]> = {};
  results[0]!.emitted.forEach((_, i) => {
    const different = differentOctets(results.map((r) => Buffer.from(r.emitted[i]!.hex, 'hex')));
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
  // an IPv4 identification and the header checksum depend on each other: both, even where the one happened to be equal
  if (first[0]! >>> 4 === 4 && (words.has(4) || words.has(10))) words.add(4).add(10);
  return [...words].sort((a, b) => a - b).flatMap((w) => (w + 1 < first.length ? [w, w + 1] : [w]));
}

function listDifferences(lists: readonly (readonly unknown[])[]): number[] | 'length' | undefined {
  const [first, ...others] = lists.map((list) => list.map((entry) => JSON.stringify(entry)));
  if (others.some((other) => other.length !== first!.length)) return 'length';
  const different = first!.flatMap((entry, i) => (others.some((other) => other[i] !== entry) ? [i] : []));
  return different.length > 0 ? different : undefined;
}
