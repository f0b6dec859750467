/** Filters of the connection list as commands have them: texts. */
import { type ConnFilter, type EndpointFilter, isWithin } from '../engine/conn-filter.js';
import { fillIphdr } from '../engine/fill-iphdr.js';
import { IpHdr } from '../engine/iphdr.js';
import { readPorts } from '../engine/proto-ports.js';
import { AF_INET, parseInet } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import type { PacketFilterArgs } from './events.js';
import { described, oneOf, optional, text, textOf } from './shape.js';

/** Protocols that connections and templates may have. */
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132, ah: 51, esp: 50, ip: 0 } as const;
type FilterProtocol = keyof typeof PROTOCOLS;

const endpoint = (noun: string) =>
  optional(
    textOf(
      `${noun} (10.1.0.10, 10.1.0.0/16, 10.1.0.10:80, fd00::/64, [fd00::1]:80)`,
      { examples: ['10.1.0.0/16', '[fd00::1]:80'] },
      (value) => parseEndpoint(value) !== undefined,
    ),
  );

/** The fields of a filter. */
export const connFilterFields = {
  protocol: optional(oneOf('a protocol', Object.keys(PROTOCOLS) as FilterProtocol[])),
  state: described(optional(text('a state', 1, 20)), 'As listed, in capital letters or not.'),
  client: endpoint('a client'),
  virtual: endpoint('a virtual address'),
  dest: endpoint('a real server'),
};

/** A filter as plain data. */
export interface ConnFilterArgs {
  protocol?: FilterProtocol;
  state?: string;
  /** Address, prefix, or address with port. */
  client?: string;
  virtual?: string;
  dest?: string;
}

/** The engine's filter; undefined when it lets everything through. */
export function toConnFilter({
  protocol,
  state,
  client,
  virtual,
  dest,
}: ConnFilterArgs): ConnFilter | undefined {
  const filter: ConnFilter = {
    ...(protocol !== undefined && { protocol: PROTOCOLS[protocol] }),
    ...(state !== undefined && { state: state.toUpperCase() }),
    ...(client !== undefined && { client: parseEndpoint(client)! }),
    ...(virtual !== undefined && { virtual: parseEndpoint(virtual)! }),
    ...(dest !== undefined && { dest: parseEndpoint(dest)! }),
  };
  return Object.keys(filter).length === 0 ? undefined : filter;
}

/** An address, a prefix, or either with a port; IPv6 with a port in brackets. */
function parseEndpoint(value: string): EndpointFilter | undefined {
  const match =
    /^\[([^\]/]+)(?:\/(\d{1,3}))?\](?::(\d{1,5}))?$/.exec(value) ??
    /^([\d.]+)(?:\/(\d{1,2}))?(?::(\d{1,5}))?$/.exec(value) ??
    /^([\da-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(value);
  const addr = parseInet(match?.[1] ?? '');
  if (match === null || addr === undefined) return undefined;
  const most = addr.family === AF_INET ? 32 : 128;
  const prefix = Number(match[2] ?? most);
  const port = match[3];
  if (prefix > most || Number(port ?? 0) > 65_535) return undefined;
  return {
    family: addr.family,
    words: addr.words,
    prefix,
    ...(port !== undefined && { port: Number(port) }),
  };
}

/** The test whether a packet is one of those that `args` asks for. */
export function toPacketFilter({ protocol, address }: PacketFilterArgs): (packet: Packet) => boolean {
  const number = protocol === undefined ? undefined : PROTOCOLS[protocol];
  const end = address === undefined ? undefined : parseEndpoint(address)!;
  const iph = new IpHdr();
  return (packet) => {
    if (!fillIphdr(packet, iph)) return false;
    if (number !== undefined && iph.protocol !== number) return false;
    if (end === undefined) return true;
    if (iph.family !== end.family) return false;
    const ports = end.port === undefined || iph.fragoffs !== 0 ? -1 : readPorts(packet, iph);
    if (end.port !== undefined && ports < 0) return false;
    return (
      (isWithin(iph.saddr, end) && (end.port === undefined || ports >>> 16 === end.port)) ||
      (isWithin(iph.daddr, end) && (end.port === undefined || (ports & 0xffff) === end.port))
    );
  };
}

/** The fields of a filter of packets. */
export const packetFilterFields = { protocol: connFilterFields.protocol, address: endpoint('an address') };
