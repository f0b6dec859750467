/** Comparison of what came out of a scenario with what was recorded. */
import { describePacket } from './describe.js';
import type { CommandResult, EmittedPacket, Outcome } from './format.js';

/** The differences, as texts; none when equal. What the recording calls volatile does not count. */
export function compareOutcomes(expected: Outcome, actual: Outcome): string[] {
  const volatile = expected.volatile ?? {};
  const out = volatile.emitted === undefined ? compareEmitted(expected, actual) : [];
  for (const key of ['dumps_normalised', 'rule_results', 'ipvsadm_results'] as const) {
    const skip = volatile[key] ?? [];
    if (skip === 'length') continue;
    const a = expected[key];
    const b = actual[key];
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (skip.includes(i as never) || same(a[i], b[i])) continue;
      const event =
        key === 'dumps_normalised' ? expected.dump_index[i]?.event : (a[i] as { event?: number }).event;
      out.push(`${key} ${i} (event ${event}) differs\n${difference(text(a[i]), text(b[i]))}`);
    }
    if (a.length !== b.length) out.push(`${key}: ${a.length} expected, ${b.length} seen`);
  }
  return out;
}

/** The first packet that differs, and the number of packets when that does. */
function compareEmitted(expected: Outcome, actual: Outcome): string[] {
  const a = expected.emitted;
  const b = actual.emitted;
  const out = a.length === b.length ? [] : [`emitted: ${a.length} packets expected, ${b.length} seen`];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const ignored = expected.volatile?.emitted_octets?.[i] ?? [];
    if (samePacket(a[i]!, b[i]!, ignored)) continue;
    out.push(`emitted ${i}: expected ${describe(a[i]!)}\n  seen ${describe(b[i]!)}`);
    break;
  }
  return out;
}

function samePacket(a: EmittedPacket, b: EmittedPacket, ignored: number[]): boolean {
  return a.event === b.event && a.to === b.to && masked(a.hex, ignored) === masked(b.hex, ignored);
}

function masked(hex: string, ignored: number[]): string {
  const bytes = Buffer.from(hex, 'hex');
  for (const at of ignored) if (at < bytes.length) bytes[at] = 0;
  return bytes.toString('hex');
}

const describe = (p: EmittedPacket): string =>
  `(event ${p.event}) to ${p.to} ${describePacket(Buffer.from(p.hex, 'hex'))}\n    ${p.hex}`;

/** A dump, or a command's result with one line for each line of its output. */
function text(value: string | CommandResult | undefined): string {
  if (typeof value === 'string' || value === undefined) return value ?? '';
  return `exit code ${value.rc}\n${value.stderr}${value.stdout ?? ''}`;
}

/** Equal JSON values, whatever the order of the keys. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((k) => same((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k]))
  );
}

/** The lines that only one of two texts has. */
function difference(a: string, b: string): string {
  const left = a.split('\n');
  const right = b.split('\n');
  return [
    ...left.filter((line) => !right.includes(line)).map((line) => `  - ${line}`),
    ...right.filter((line) => !left.includes(line)).map((line) => `  + ${line}`),
  ].join('\n');
}
