/** Judging a result by a recorded one. */
import { type AnyResult, type Emitted, isCrash, type ScenarioResult } from './format.js';

/** Lists that must be equal entry by entry; `dumps` are compared in their normalised form, `errors` are in the others. */
const LISTS = ['dumps_normalised', 'rule_results', 'ipvsadm_results'] as const;

/** A difference, and where it is. */
export interface Difference {
  /** `emitted`, or the name of a list. */
  part: 'crash' | 'emitted' | (typeof LISTS)[number];
  /** Index in that part; undefined when the parts as a whole differ. */
  index?: number;
  text: string;
}

/** How `actual` differs from what was recorded, leaving out what the record says varies from run to run. */
export function compareResults(recorded: ScenarioResult, actual: AnyResult): Difference[] {
  if (isCrash(actual)) return [{ part: 'crash', text: actual.crash }];
  const { volatile = {} } = recorded;
  const found: Difference[] = [];
  if (volatile.emitted === undefined) found.push(...compareEmitted(recorded, actual));
  for (const part of LISTS) {
    const skip = volatile[part] ?? [];
    if (typeof skip === 'string') continue;
    found.push(...compareList(part, recorded[part], actual[part], skip));
  }
  return found;
}

/** Only the first different packet is told: the others usually follow from it. */
function compareEmitted(recorded: ScenarioResult, actual: ScenarioResult): Difference[] {
  const part = 'emitted';
  const found: Difference[] = [];
  const [a, b] = [recorded.emitted, actual.emitted];
  if (a.length !== b.length) found.push({ part, text: `${a.length} packets expected, ${b.length} seen` });
  const index = a.findIndex((packet, i) => {
    const octets = recorded.volatile?.emitted_octets?.[i] ?? [];
    return b[i] !== undefined && comparable(packet, octets) !== comparable(b[i], octets);
  });
  if (index >= 0) {
    found.push({ part, index, text: `expected ${brief(a[index]!)}, seen ${brief(b[index]!)}` });
  }
  return found;
}

function compareList(
  part: (typeof LISTS)[number],
  recorded: readonly unknown[],
  actual: readonly unknown[],
  skip: readonly number[],
): Difference[] {
  if (recorded.length !== actual.length) {
    return [{ part, text: `${recorded.length} expected, ${actual.length} seen` }];
  }
  return recorded.flatMap((entry, index) => {
    const [expected, seen] = [asText(entry), asText(actual[index])];
    return skip.includes(index) || expected === seen
      ? []
      : [{ part, index, text: `expected\n${expected}\nseen\n${seen}` }];
  });
}

function comparable({ event, to, hex }: Emitted, ignored: readonly number[]): string {
  const octets = Buffer.from(hex, 'hex');
  for (const offset of ignored) if (offset < octets.length) octets[offset] = 0;
  return `${event} ${to} ${octets.toString('hex')}`;
}

function brief({ event, to, hex }: Emitted): string {
  return `(event ${event}) to ${to} ${hex}`;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
