/** Checkers of keepalived as health checks. */
import { type CheckSpec, checkSpec } from '../../../control/check-spec.js';
import { IpvsError } from '../../../errors.js';
import type { Note } from '../note.js';
import { type Fields, type Source, valuesOf } from './checker-source.js';
import { readHttp } from './http-get.js';
import { readMisc } from './misc-check.js';
import type { Statement } from './statements.js';
import { milliseconds, readTiming, type Timing } from './timing.js';
import { readUdp } from './udp-check.js';

/** What of a kind of checker is its own. Statements that it has no use for are remarked. */
interface Kind {
  /** Failures that are forgiven when nothing is said. */
  readonly retry: string;
  /** One or more checks; none when it cannot be carried over. */
  read(source: Source): Fields[];
}

const KINDS: Readonly<Record<string, Kind>> = {
  TCP_CHECK: { retry: '1', read: (source) => [{ type: 'tcp', ...valuesOf(source) }] },
  PING_CHECK: { retry: '1', read: (source) => [{ type: 'ping', ...valuesOf(source) }] },
  DNS_CHECK: {
    retry: '3',
    read: (source) => [{ type: 'dns', record: 'SOA', ...valuesOf(source, { type: 'record', name: 'name' }) }],
  },
  SMTP_CHECK: {
    retry: '1',
    read: (source) => [{ type: 'smtp', ...valuesOf(source, { helo_name: 'helo' }) }],
  },
  UDP_CHECK: { retry: '1', read: readUdp },
  HTTP_GET: { retry: '1', read: (source) => readHttp('http', source) },
  SSL_GET: { retry: '1', read: (source) => readHttp('https', source) },
  MISC_CHECK: { retry: '0', read: readMisc },
};

/** True for a checker that can be carried over. */
export function isChecker({ words: [name = ''] }: Statement): boolean {
  return Object.hasOwn(KINDS, name);
}

/** The checks of a checker. @param around what its real server and its virtual server say */
export function convertChecker(statement: Statement, around: Timing, note: Note): CheckSpec[] {
  const { retry, read } = KINDS[statement.words[0]!]!;
  const own = new Map(around);
  const statements = (statement.block ?? []).filter((inner) => !readTiming(inner, own, note));
  const source = { statement, statements, timing: own, note };
  const common = {
    interval: milliseconds(own.get('delay_loop') ?? '60'),
    timeout: milliseconds(own.get('connect_timeout') ?? '5'),
    rise: 1,
    fall: Math.min(Math.floor(Number(own.get('retry') ?? retry)) + 1, 100),
    start: own.get('alpha') === 'on' ? 'down' : 'up',
  };
  return read(source).flatMap((fields) => {
    try {
      return [checkSpec.read({ ...common, ...fields }, '')];
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      note(statement, `${statement.words.join(' ')}: ${error.message}`);
      return [];
    }
  });
}
