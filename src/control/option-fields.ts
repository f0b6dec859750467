/** The shapes of what services and real servers can be told beyond what the kernel has words for. */
import type { DestOptions, DrainPolicy, Labels, ServiceOptions } from '../engine/service-options.js';
import { TIMEOUT_STATES } from '../engine/timeout-states.js';
import { IpvsError } from '../errors.js';
import {
  boolean,
  described,
  Faults,
  fieldIn,
  integer,
  type Named,
  named,
  object,
  oneOf,
  optional,
  type Shape,
  show,
  tableOf,
  text,
  textOf,
  withDefault,
} from './shape.js';

/** Longest name, characters. */
const NAME_MAX = 64;
/** The most that the engine's clock can count, seconds. */
const SECONDS_MAX = 21_474_836;
const DEADLINE = 30;

/** A name of a service or real server: never to be taken for an address. */
export const optionName: Shape<string> = textOf(
  `a name (1..${NAME_MAX} letters, digits and _.-, a letter first)`,
  { pattern: `^[A-Za-z][A-Za-z0-9_.-]{0,${NAME_MAX - 1}}$` },
  (value) => /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(value),
);

const labelName = textOf('a label name (letters, digits and _, no digit first)', {}, (value) =>
  /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(value),
);

const labelTable = tableOf(text('a label', 0, 256));
const labels: Shape<Labels> = {
  ...labelTable,
  read(value, field) {
    const all = labelTable.read(value, field);
    const faults = new Faults();
    for (const name of Object.keys(all)) faults.try(() => labelName.read(name, fieldIn(field, name)));
    faults.end();
    // in one order: equal labels are equal data
    return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  },
};

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Seconds: a number, or a text such as 90s, 5m or 1h. */
export const duration: Shape<number> = {
  what: `a number of seconds (0..${SECONDS_MAX}), or a text such as 90s, 5m or 1h`,
  schema: { type: ['integer', 'string'], minimum: 0, maximum: SECONDS_MAX, pattern: '^[0-9]{1,8}[smh]?$' },
  read(value, field) {
    const parts = /^(\d{1,8})([smh]?)$/.exec(typeof value === 'number' ? String(value) : String(value ?? ''));
    const seconds = parts === null ? -1 : Number(parts[1]) * (UNITS[parts[2]!] ?? 1);
    if (seconds >= 0 && seconds <= SECONDS_MAX) return seconds;
    throw new IpvsError('BAD_REQUEST', `${show(value)} is not ${this.what}`, field);
  },
};

/** What can be said of how a server goes. */
export const drainFields = {
  deadline: described(
    withDefault(duration, DEADLINE),
    'Seconds that its connections have at most; 0 for as long as they take.',
  ),
  end: described(
    withDefault(oneOf('an end', ['none', 'rst', 'icmp']), 'none'),
    'What connections that are left are told: nothing; rst: TCP resets, and ICMP errors where there are none; icmp: ICMP errors.',
  ),
};

/** How a server goes. */
export const drainPolicy: Named<DrainPolicy> = named('DrainPolicy', object(drainFields));

const stateTimeout = optional(integer('a number of seconds', 1, SECONDS_MAX));
const timeouts = named(
  'StateTimeouts',
  object(Object.fromEntries(TIMEOUT_STATES.map((state) => [state, stateTimeout]))) as Shape<
    Record<string, number>
  >,
);

/** Those of these shapes that have a name of their own. */
export const OPTION_SHAPES: readonly Named<unknown>[] = [drainPolicy, timeouts];

const naming = {
  name: optional(described(optionName, 'Name, for ipvsd and for people.')),
  labels: optional(described(labels, 'Labels, for metrics and for people.')),
};

/** Options of a service. */
export const serviceOptionFields = {
  ...naming,
  timeouts: optional(
    described(timeouts, 'Seconds that connections live in a state; in others as the protocol says.'),
  ),
  reusePorts: optional(
    described(boolean, 'Schedule a SYN anew at once whose client port has a connection that is ending.'),
  ),
  clearUdp: optional(
    described(boolean, 'End UDP connections of a server with it, and when its weight becomes 0.'),
  ),
  clampMss: optional(described(boolean, 'Lower the MSS of SYNs to what fits into the tunnel.')),
  drain: optional(
    described(drainPolicy, 'Drain servers that a configuration no longer has, in place of removing them.'),
  ),
};

/** Options of a real server. */
export const destOptionFields = naming;

/** Names of the options of a service, */
export const SERVICE_OPTIONS: readonly string[] = Object.keys(serviceOptionFields);
/** and of a real server. */
export const DEST_OPTIONS: readonly string[] = Object.keys(destOptionFields);

/** Those of a thing's fields that are options of a service. */
export function serviceOptionsOf(spec: ServiceOptions): ServiceOptions {
  return pick(spec, SERVICE_OPTIONS) as ServiceOptions;
}

/** Those of a thing's fields that are options of a real server. */
export function destOptionsOf(spec: DestOptions): DestOptions {
  return pick(spec, DEST_OPTIONS) as DestOptions;
}

/** Called for each of very many servers: what has none costs next to nothing. */
/** A real server after an edit: options that this does not mention are those of before, unless it replaces. */
export function changedDest<T extends DestOptions>(before: DestOptions, edit: T, replace: boolean): T {
  return replace ? edit : { ...destOptionsOf(before), ...edit };
}

function pick(spec: object, names: readonly string[]): object {
  const given = spec as Readonly<Record<string, unknown>>;
  const found: Record<string, unknown> = {};
  for (const name of names) if (given[name] !== undefined) found[name] = given[name];
  return found;
}

/** Equal options. Both are as shapes read them. */
export function sameOptions(a: object, b: object): boolean {
  if (Object.keys(a).length + Object.keys(b).length === 0) return true;
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(options: object): unknown[] {
  return Object.entries(options)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => [name, typeof value === 'object' && value !== null ? sorted(value) : value]);
}
