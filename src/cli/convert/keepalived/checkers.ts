/** Checkers of keepalived as health checks. */
import { type CheckSpec, checkSpec } from '../../../control/check-spec.js';
import { IpvsError } from '../../../errors.js';
import type { Note } from '../note.js';
import { leaveOut } from './left-out.js';
import type { Statement } from './statements.js';
import { milliseconds, readTiming, type Timing } from './timing.js';

/** What a checker's own statements come to: fields of a check. */
type Fields = Record<string, unknown>;

/** What a checker is read from. */
interface Source {
  readonly statements: readonly Statement[];
  readonly timing: Timing;
  readonly note: Note;
}

/** What of a kind of checker is its own. Statements that it has no use for are remarked. */
interface Kind {
  /** Failures that are forgiven when nothing is said. */
  readonly retry: string;
  /** One or more checks; none when it cannot be carried over. */
  read(source: Source): Fields[];
}

const KINDS: Readonly<Record<string, Kind>> = {
  TCP_CHECK: { retry: '1', read: (source) => [{ type: 'tcp', ...valuesOf(source, {}) }] },
  PING_CHECK: { retry: '1', read: (source) => [{ type: 'ping', ...valuesOf(source, {}) }] },
  DNS_CHECK: {
    retry: '3',
    read: (source) => [{ type: 'dns', record: 'SOA', ...valuesOf(source, { type: 'record', name: 'name' }) }],
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
  const source = { statements, timing: own, note };
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

/** Statements with one value, by the field that each is; those of connections come for nothing. */
function valuesOf({ statements, note }: Source, fields: Readonly<Record<string, string>>): Fields {
  const out: Fields = {};
  for (const statement of statements) {
    const [name = '', value = ''] = statement.words;
    if (name === 'connect_port' && /^\d+$/.test(value)) out.port = Number(value);
    else if (Object.hasOwn(fields, name)) out[fields[name]!] = value;
    else if (name !== 'log_all_failures') leaveOut(statement, note);
  }
  return out;
}

/** A check for each `url`. */
function readHttp(type: 'http' | 'https', source: Source): Fields[] {
  const { statements, timing, note } = source;
  const urls = statements.filter(({ words }) => words[0] === 'url');
  const sni = statements.some(({ words }) => words[0] === 'enable_sni');
  const others = statements.filter(({ words }) => words[0] !== 'url' && words[0] !== 'enable_sni');
  const common = valuesOf({ ...source, statements: others }, {});
  return urls.map((url) => {
    const fields = new Map((url.block ?? []).map((inner) => [inner.words[0]!, inner]));
    const value = (name: string) => fields.get(name)?.words[1];
    const host = value('virtualhost') ?? timing.get('virtualhost');
    const pattern = value('regex');
    const status = fields.get('status_code')?.words.slice(1) ?? ['200-299'];
    for (const [name, inner] of fields) {
      if (!['path', 'virtualhost', 'regex', 'status_code'].includes(name)) leaveOut(inner, note);
    }
    return {
      type,
      ...common,
      path: value('path') ?? '/',
      status,
      ...(host !== undefined && { headers: { host } }),
      ...(pattern !== undefined && { matches: pattern }),
      // keepalived takes any certificate
      ...(type === 'https' && { verify: false }),
      ...(type === 'https' && sni && host !== undefined && { serverName: host.replace(/:\d+$/, '') }),
    };
  });
}

/** A program with its arguments; by a shell where it is more than that. */
function readMisc(source: Source): Fields[] {
  const { timing } = source;
  const { misc_path: path, misc_timeout: timeout } = valuesOf(source, {
    misc_path: 'misc_path',
    misc_timeout: 'misc_timeout',
  }) as Record<string, string | undefined>;
  if (path === undefined) return [];
  const plain = /^[\w\s./:=@%+,-]+$/.test(path);
  const command = plain ? path.trim().split(/\s+/) : ['/bin/sh', '-c', path];
  const seconds = timeout ?? timing.get('delay_loop') ?? '60';
  return [{ type: 'exec', command, timeout: milliseconds(seconds) }];
}

function readUdp(source: Source): Fields[] {
  const { statements, note } = source;
  const out: Fields = { type: 'udp' };
  const others = statements.filter((statement) => {
    const [name, ...words] = statement.words;
    if (name === 'require_reply') {
      // any answer
      out.matches = '^';
      if (words.length > 0)
        note(statement, `${statement.words.join(' ')}: what the reply is, is not looked at`);
    } else if (name === 'payload') {
      const bytes = Buffer.from(words.join(''), 'hex');
      // a check sends a text
      if (bytes.length > 0 && bytes.every((byte) => byte > 0 && byte < 0x80)) out.send = bytes.toString();
      else leaveOut(statement, note);
    } else return true;
    return false;
  });
  return [{ ...out, ...valuesOf({ ...source, statements: others }, {}) }];
}
