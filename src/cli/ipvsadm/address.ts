/** Addresses of a command line: `host[:port]` in all the forms that ipvsadm takes. */
import type { ProtocolName } from '../../control/command.js';
import { AF_INET6, inet4, inetToString, parseInet } from '../../wire/inet.js';
import type { NameResolver } from './names.js';
import { parseNumber } from './numbers.js';

/** A parsed `host[:port]`; `port` is undefined when none was given. */
export interface HostPort {
  /** In its canonical text. */
  readonly address: string;
  readonly port: number | undefined;
}

/**
 * Reads `host[:port]`. Undefined when it is none: also for a number alone, and for brackets without a port behind them.
 * An IPv6 address has a port only in brackets; a host name is one of IPv4.
 * @param protocol of the service, for names of ports; undefined when no service was named yet.
 */
export async function parseHostPort(
  text: string,
  protocol: ProtocolName | undefined,
  names: NameResolver,
): Promise<HostPort | undefined> {
  if (/^\d*$/.test(text)) return undefined;
  const split = splitPort(text);
  if (split === undefined) return undefined;
  const address = split.v6 ?? (await parseIpv4(split.host, names));
  if (address === undefined) return undefined;
  if (split.port === undefined) return { address, port: undefined };
  const port =
    parseNumber(split.port, 0, 65535) ?? (protocol && (await names.portByName(split.port, protocol)));
  return port === undefined ? undefined : { address, port };
}

interface Split {
  readonly host: string;
  readonly port?: string;
  /** The address when `host` is an IPv6 address. */
  readonly v6?: string;
}

function splitPort(text: string): Split | undefined {
  let host = text;
  let port: string | undefined;
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    if (end < 0 || text[end + 1] !== ':') return undefined;
    host = text.slice(1, end);
    port = text.slice(end + 2);
  }
  const v6 = parseInet(host);
  if (v6?.family === AF_INET6) return { host, v6: inetToString(v6), ...(port !== undefined && { port }) };
  // ipvsadm forgets the port behind brackets that hold no IPv6 address
  const colon = host.lastIndexOf(':');
  return colon < 0 ? { host } : { host: host.slice(0, colon), port: host.slice(colon + 1) };
}

/** An IPv4 address in one of the forms of inet_aton(3), or of a host with that name, as a dotted quad. */
export async function parseIpv4(text: string, names: NameResolver): Promise<string | undefined> {
  const value = inetAton(text);
  return value === undefined ? names.addressByName(text) : inetToString(inet4(value | 0));
}

/**
 * inet_aton(3): one to four parts, each decimal, octal (0...) or hexadecimal (0x...); the last one fills what is left of 32 bits.
 * Anything may follow a blank. Undefined when it is not an address.
 */
export function inetAton(text: string): number | undefined {
  const parts = text.split(/[ \t\n\v\f\r]/, 1)[0]!.split('.');
  if (parts.length > 4) return undefined;
  let value = 0;
  for (const [i, part] of parts.entries()) {
    if (!/^(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(part)) return undefined;
    const number = Number(/^0[0-7]/.test(part) ? `0o${part.slice(1)}` : part);
    const last = i === parts.length - 1;
    if (number >= (last ? 2 ** (32 - 8 * i) : 256)) return undefined;
    value += last ? number : number * 2 ** (24 - 8 * i);
  }
  return value;
}
