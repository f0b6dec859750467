/** What the values of options do to a command line. Each function throws a {@link Stop} when the value is no good. */
import type { ProtocolName, TunnelTypeName } from '../../control/command.js';
import { AF_INET, parseInet } from '../../wire/inet.js';
import { parseHostPort, parseIpv4 } from './address.js';
import { familyOf, HOST_MASK, type Line, type LineDaemon, type LineServer } from './line.js';
import type { NameResolver } from './names.js';
import { leadingInteger, MAX_TIMEOUT, parseNumber } from './numbers.js';
import { wrong } from './stop.js';

/** Puts the value of one option into `line`. */
export type Take = (line: Line, value: string, names: NameResolver) => void | Promise<void>;

const INT_MAX = 0x7fff_ffff;
const UINT32_MAX = 0xffff_ffff;
/** Characters that the kernel's structures keep of names of schedulers, engines and interfaces. */
const NAME_MAX = 15;
/** Bytes: the most that a UDP datagram can carry. */
export const SYNC_MAXLEN_MAX = 65507;

/** Seconds of `-p` without a value. */
const DEFAULT_PERSISTENCE = 360;

/** An address option: `host[:port]`. */
export function takeService(protocol: ProtocolName): Take {
  return async ({ service }, value, names) => {
    service.protocol = protocol;
    const found = await parseHostPort(value, protocol, names);
    if (found === undefined) throw wrong('illegal virtual server address[:port] specified');
    service.address = found.address;
    service.port = found.port ?? 0;
    service.family = familyOf(found.address);
    if (service.family === 'inet6') service.netmask = HOST_MASK.inet6;
  };
}

/** `-f`: a mark, 1..2^32-1. */
export const takeFwmark: Take = ({ service }, value) => {
  const mark = parseNumber(value, 1, UINT32_MAX);
  if (mark === undefined) throw wrong(`invalid fwmark value \`${value}' specified`);
  service.fwmark = mark;
  // ports of a mark's real servers have the names of TCP's
  service.protocol = 'tcp';
};

/** `-6`: the mark is one of IPv6 packets. */
export const takeIpv6: Take = ({ service }) => {
  if (service.fwmark === 0) throw wrong('-6 used before -f\n');
  service.family = 'inet6';
  service.netmask = HOST_MASK.inet6;
};

/** `-s`: the name; an empty one leaves the default. */
export const takeScheduler: Take = ({ service }, value) => {
  if (value !== '') service.scheduler = value.slice(0, NAME_MAX);
};

/** `-p` with seconds, 1..31 days. */
export const takePersistent: Take = ({ service }, value) => {
  service.persistent = parseTimeout(value, 1);
};

/** `-p` without a value. */
export const takeDefaultPersistence: Take = ({ service }) => {
  service.persistent = DEFAULT_PERSISTENCE;
};

/** Seconds, `min`..31 days. */
export function parseTimeout(value: string, min: number): number {
  const seconds = parseNumber(value, min, MAX_TIMEOUT);
  if (seconds === undefined) throw wrong(`invalid timeout value \`${value}' specified`);
  return seconds;
}

/** `-M`: a mask, or for IPv6 a prefix length, by the family of the service named before. */
export const takeNetmask: Take = async ({ service }, value, names) => {
  if (service.family === 'inet6') {
    const prefix = leadingInteger(value);
    if (prefix < 1 || prefix > 128) throw wrong('illegal ipv6 netmask specified');
    service.netmask = String(prefix);
  } else {
    const mask = await parseIpv4(value, names);
    if (mask === undefined) throw wrong('illegal virtual server persistent mask specified');
    service.netmask = mask;
  }
};

/** `--pe`: the name; an empty one stands for none. */
export const takePe: Take = ({ service }, value) => {
  service.pe = value.slice(0, NAME_MAX);
};

/** `-o`. */
export const takeOps: Take = ({ service }) => {
  service.ops = true;
};

/** `-b`: kept until the scheduler is known. */
export const takeSchedFlags: Take = (line, value) => {
  line.schedFlags = value;
};

/** `-r`: `host[:port]`. */
export const takeRealServer: Take = async ({ server, service }, value, names) => {
  const found = await parseHostPort(value, service.protocol, names);
  if (found === undefined) throw wrong('illegal real server address[:port] specified');
  server.address = found.address;
  // the service's port only when the service was named before
  server.port = found.port ?? service.port;
};

/** `-m`, `-i`, `-g`. */
export function takeForward(forward: LineServer['forward']): Take {
  return ({ server }) => {
    server.forward = forward;
  };
}

type NumberOf<T> = { [K in keyof T]-?: number extends T[K] ? K : never }[keyof T];

/** A number of the real server; `name` is what the message calls it. */
export function takeServerNumber(key: NumberOf<LineServer>, name: string, min = 0, max = INT_MAX): Take {
  return ({ server }, value) => {
    server[key] = numberWithin(value, min, max, name);
  };
}

/** `--tun-type`. */
export const takeTunType: Take = ({ server }, value) => {
  if (value !== 'ipip' && value !== 'gue' && value !== 'gre') throw wrong('illegal tunnel type specified');
  server.tunType = value satisfies TunnelTypeName;
};

/** `--tun-nocsum`, `--tun-csum`, `--tun-remcsum`. */
export function takeTunCsum(csum: LineServer['tunCsum']): Take {
  return ({ server }) => {
    server.tunCsum = csum;
  };
}

/** `--mcast-interface`. */
export const takeInterface: Take = ({ daemon }, value) => {
  daemon.interface = value.slice(0, NAME_MAX);
};

/** A number of the synchronisation daemon; `name` is what the message calls it. */
export function takeDaemonNumber(key: NumberOf<LineDaemon>, name: string, min: number, max: number): Take {
  return ({ daemon }, value) => {
    daemon[key] = numberWithin(value, min, max, name);
  };
}

/** `--mcast-group`: a multicast address. */
export const takeGroup: Take = ({ daemon }, value) => {
  const group = parseInet(value);
  const top = group === undefined ? 0 : group.words[0]! >>> 24;
  const multicast = group?.family === AF_INET ? top >>> 4 === 0xe : top === 0xff;
  if (!multicast) throw wrong(`invalid ${value.includes(':') ? 'IPv6' : 'IPv4'} mcast-group \`${value}'`);
  daemon.group = value;
};

function numberWithin(value: string, min: number, max: number, name: string): number {
  const number = parseNumber(value, min, max);
  if (number === undefined) throw wrong(`illegal ${name} specified`);
  return number;
}
