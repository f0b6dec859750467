/** Names of scheduler flags: the same three bits have names of their own with some schedulers. */
import { wrong } from './stop.js';

/** Names with all schedulers, as the director has them. */
const GENERIC = ['flag-1', 'flag-2', 'flag-3'];

/** Names of the first flags with the schedulers that have names for them. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  sh: ['sh-fallback', 'sh-port'],
  mh: ['mh-fallback', 'mh-port'],
};

/**
 * The flags of a comma list, as the director names them. Empty names are passed over.
 * @throws Stop for the first name that is unknown, or another scheduler's.
 */
export function parseSchedFlags(list: string, scheduler: string): string[] {
  const flags = new Set<string>();
  for (const name of list.split(',')) {
    if (name !== '') flags.add(parseFlag(name, scheduler));
  }
  return GENERIC.filter((flag) => flags.has(flag));
}

function parseFlag(name: string, scheduler: string): string {
  if (GENERIC.includes(name)) return name;
  for (const [owner, names] of Object.entries(NAMED)) {
    const bit = names.indexOf(name);
    if (bit < 0) continue;
    if (owner !== scheduler) throw wrong(`incompatible scheduler flag \`${name}'`);
    return GENERIC[bit]!;
  }
  throw wrong(`invalid scheduler flag \`${name}'`);
}

/**
 * The scheduler flags among a service's flags as a comma list; undefined when there are none. It may be empty: a
 * scheduler with names of its own has none for the third flag.
 */
export function showSchedFlags(flags: readonly string[], scheduler: string): string | undefined {
  const set = GENERIC.map((flag) => flags.includes(flag));
  if (!set.includes(true)) return undefined;
  return (NAMED[scheduler] ?? GENERIC).filter((_, bit) => set[bit]).join(',');
}
