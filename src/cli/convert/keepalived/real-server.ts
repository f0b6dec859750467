/** A `real_server` block. */
import { parseInet } from '../../../wire/inet.js';
import type { Note } from '../note.js';
import { isChecker } from './checkers.js';
import { type Forward, parseForward } from './forward.js';
import { leaveOut, leaveOutExtra } from './left-out.js';
import type { Statement } from './statements.js';
import { readTiming, type Timing } from './timing.js';

/** A real server; what it does not say is its virtual server's. */
export interface RealServer {
  readonly statement: Statement;
  readonly address: string;
  readonly port: number | undefined;
  readonly weight: number | undefined;
  readonly uThreshold: number;
  readonly lThreshold: number;
  readonly forward: Forward | undefined;
  readonly timing: Timing;
  readonly checkers: readonly Statement[];
}

/** Statements that are a number. */
const NUMBERS = new Set(['weight', 'uthreshold', 'lthreshold']);

/** The real server of a statement, or undefined with a note when it cannot be one. */
export function parseRealServer(statement: Statement, note: Note): RealServer | undefined {
  const [, address = '', port] = statement.words;
  if (parseInet(address) === undefined || (port !== undefined && !isNumber(port))) {
    note(statement, `${statement.words.join(' ')}: expected an address and a port`);
    return undefined;
  }
  const numbers = new Map<string, number>();
  const timing = new Map<string, string>();
  const checkers: Statement[] = [];
  let forward: Forward | undefined;
  for (const inner of statement.block ?? []) {
    const [name = '', value = ''] = inner.words;
    if (NUMBERS.has(name) && isNumber(value)) {
      numbers.set(name, Number(value));
      leaveOutExtra(inner, 2, note);
    } else if (name === 'lvs_method' || name === 'lb_kind') {
      forward = parseForward(inner.words.slice(1));
      if (forward === undefined) note(inner, `${inner.words.join(' ')}: no such forwarding method`);
    } else if (isChecker(inner)) checkers.push(inner);
    else if (!readTiming(inner, timing, note)) leaveOut(inner, note);
  }
  return {
    statement,
    address,
    port: port === undefined ? undefined : Number(port),
    weight: numbers.get('weight'),
    uThreshold: numbers.get('uthreshold') ?? 0,
    lThreshold: numbers.get('lthreshold') ?? 0,
    forward,
    timing,
    checkers,
  };
}

/** True for a whole number that is not negative. */
export function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text);
}
