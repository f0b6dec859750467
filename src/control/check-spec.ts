/** Health checks as they are configured: for each kind, what can be said of it. */
import { IpvsError } from '../errors.js';
import {
  boolean,
  described,
  fieldIn,
  integer,
  list,
  type Named,
  named,
  object,
  oneOf,
  optional,
  type Read,
  type Shape,
  tableOf,
  text,
  textOf,
  withDefault,
} from './shape.js';

const pattern = textOf('a regular expression', { format: 'regex' }, (value) => {
  try {
    return new RegExp(value, 's') !== undefined;
  } catch {
    return false;
  }
});

const expectation = {
  contains: optional(described(text('a text', 1, 1000), 'A text that the answer must have in it.')),
  matches: optional(described(pattern, 'A regular expression that the answer must match.')),
  ignoreCase: described(withDefault(boolean, false), 'Whether it takes small letters for capital ones.'),
};
/** Control characters are part of protocols. */
const bytes = textOf(
  'a text (1..1000 characters)',
  { minLength: 1, maxLength: 1000 },
  (value) => value.length > 0 && value.length <= 1000,
);
const hex = textOf('bytes in hexadecimal', { pattern: '^([0-9a-fA-F]{2}){1,1000}$' }, (value) =>
  /^([0-9a-fA-F]{2}){1,1000}$/.test(value),
);
const message = {
  send: optional(described(bytes, 'Sent when the connection stands.')),
  sendHex: optional(described(hex, 'The same, as hexadecimal digits: for what is no text.')),
};
const path = textOf(
  'an absolute path',
  { pattern: '^/[!-~ ]*$', maxLength: 4096 },
  (value) => /^\/[!-~ ]*$/.test(value) && value.length <= 4096,
);
const tls = {
  serverName: optional(
    described(
      text('a host name', 1, 253),
      'Whom the certificate is to name, and who is asked for (SNI). Default: the address.',
    ),
  ),
  verify: described(withDefault(boolean, true), 'Whether the certificate must be good.'),
  ca: optional(
    described(path, 'File of the authorities that are trusted (PEM), instead of the public ones.'),
  ),
};
const statusRange = textOf(
  'a status or a range of them, such as 200-399',
  { pattern: '^[1-5]\\d\\d(-[1-5]\\d\\d)?$' },
  (value) => /^[1-5]\d\d(-[1-5]\d\d)?$/.test(value),
);
const md5 = textOf('an MD5 digest (32 hexadecimal digits)', { pattern: '^[0-9a-fA-F]{32}$' }, (value) =>
  /^[0-9a-fA-F]{32}$/.test(value),
);
const http = {
  ...expectation,
  method: withDefault(oneOf('a method', ['GET', 'HEAD', 'OPTIONS', 'POST']), 'GET'),
  path: withDefault(
    textOf('a path', { pattern: '^/[!-~]*$' }, (value) => /^\/[!-~]*$/.test(value)),
    '/',
  ),
  headers: withDefault(tableOf(text('a header', 0, 1000)), {}),
  status: withDefault(list(statusRange, 20), ['200-399']),
  expectHeaders: withDefault(tableOf(text('a text', 0, 1000)), {}),
  md5: optional(described(md5, 'MD5 of the whole body.')),
};

const grpc = { service: withDefault(text('a gRPC service', 0, 127), '') };

const milliseconds = (least: number): Shape<number> => integer('a number of milliseconds', least, 3_600_000);
const count = integer('a number of answers', 1, 100);

/** What any check has. */
const timing = {
  interval: described(withDefault(milliseconds(10), 2000), 'From one check to the next, ms.'),
  timeout: described(withDefault(milliseconds(1), 1000), 'Longest wait for an answer, ms.'),
  rise: described(withDefault(count, 2), 'Good answers in a row after which a server is up.'),
  fall: described(withDefault(count, 3), 'Failures in a row after which a server is down.'),
  jitter: described(
    withDefault(integer('a percentage', 0, 50), 10),
    'By how much an interval differs, percent, so that checks do not fall into step.',
  ),
  start: described(
    withDefault(oneOf('a state', ['up', 'down']), 'up'),
    'What a server is taken for before it has been checked; its first answer decides.',
  ),
  port: optional(described(integer('a port', 1, 65535), "Default: the real server's.")),
};

/** Of those kinds that can take the way of a service's packets. */
const way = {
  via: described(
    withDefault(oneOf('a way', ['server', 'service']), 'server'),
    "server: the server's own address is asked; service: the virtual address, with direct routing at the server's hardware address, with tunnels inside the tunnel.",
  ),
};

const type = <const T extends string>(name: T) => oneOf('a kind of check', [name]);

const KINDS = {
  tcp: object({ type: type('tcp'), ...timing, ...way, ...expectation, ...message }),
  tls: object({ type: type('tls'), ...timing, ...way, ...expectation, ...tls, ...message }),
  http: object({ type: type('http'), ...timing, ...way, ...http }),
  https: object({ type: type('https'), ...timing, ...way, ...http, ...tls }),
  grpc: object({ type: type('grpc'), ...timing, ...way, ...grpc }),
  grpcs: object({ type: type('grpcs'), ...timing, ...way, ...grpc, ...tls }),
  smtp: object({
    type: type('smtp'),
    ...timing,
    ...way,
    helo: optional(described(text('a host name', 1, 253), "Name for HELO. Default: this host's.")),
  }),
  dns: object({
    type: type('dns'),
    ...timing,
    ...way,
    name: withDefault(text('a domain name', 1, 253), '.'),
    record: withDefault(oneOf('a record type', ['A', 'AAAA', 'CNAME', 'NS', 'SOA', 'MX', 'TXT']), 'NS'),
    nxdomain: described(withDefault(boolean, false), 'Whether "no such name" is a good answer too.'),
  }),
  udp: object({ type: type('udp'), ...timing, ...way, ...expectation, ...message }),
  ping: object({ type: type('ping'), ...timing }),
  agent: object({ type: type('agent'), ...timing }),
  passive: object({
    type: type('passive'),
    interval: described(withDefault(milliseconds(100), 1000), 'From one look to the next, ms.'),
    fall: described(
      withDefault(count, 5),
      'Connections in a row that are refused or not answered after which a server is down.',
    ),
    hold: described(
      withDefault(milliseconds(100), 10_000),
      'After which it is up again, ms: without weight it gets no connections that could tell.',
    ),
  }),
  exec: object({ type: type('exec'), ...timing, command: list(text('a word of a command', 1, 1000), 100) }),
};

/** A kind of check. */
export type CheckType = keyof typeof KINDS;

/** A check that looks at clients' connections. */
export type PassiveCheck = Read<(typeof KINDS)['passive']>;

/** A check that asks the server. */
export type ActiveCheck = Exclude<CheckSpec, PassiveCheck>;

/** A check as it is configured. */
export type CheckSpec = { [T in CheckType]: Read<(typeof KINDS)[T]> }[CheckType];

const TYPES = Object.keys(KINDS) as CheckType[];

/** A check. What is left out has a default that suits a server near by. */
export const checkSpec: Named<CheckSpec> = named('CheckSpec', {
  what: 'a health check',
  schema: { anyOf: TYPES.map((name) => KINDS[name].schema) },
  read(value, field) {
    if (typeof value !== 'object' || value === null) {
      throw new IpvsError('BAD_REQUEST', `${JSON.stringify(value)} is not ${this.what}`, field);
    }
    const given = (value as { type?: unknown }).type;
    const name = oneOf('a kind of check', TYPES).read(given, fieldIn(field, 'type'));
    const spec: CheckSpec = KINDS[name].read(value, field);
    if (spec.type === 'exec' && spec.command.length === 0) {
      throw new IpvsError('BAD_REQUEST', 'an empty list is no command', fieldIn(field, 'command'));
    }
    if ('send' in spec && 'sendHex' in spec && spec.send !== undefined && spec.sendHex !== undefined) {
      throw new IpvsError('BAD_REQUEST', 'what is sent is given twice', fieldIn(field, 'sendHex'));
    }
    return spec;
  },
});

/** A check by its fields, without those that have their defaults. */
export function checkEntry(spec: CheckSpec): Readonly<Record<string, unknown>> {
  const { type } = spec;
  const least = type === 'exec' ? { type, command: ['true'] } : { type };
  const { type: _, ...usual } = checkSpec.read(least, '') as { type: string } & Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(spec).filter(
      ([name, value]) => name === 'command' || JSON.stringify(value) !== JSON.stringify(usual[name]),
    ),
  );
}
