/** IPv4 options (RFC 791), as Linux treats them: checked and filled in on the way in, on the way through, and in answers. */
import { ipv4SetChecksum } from '../../wire/checksum.js';
import { IPV4_MIN, ipv4HeaderLength } from '../../wire/ipv4.js';
import type { Packet } from '../../wire/packet.js';

const IPOPT_END = 0;
const IPOPT_NOOP = 1;
const IPOPT_RR = 7;
const IPOPT_TIMESTAMP = 0x44;
const IPOPT_CIPSO = 0x86;
const IPOPT_RA = 0x94;
const IPOPT_LSRR = 0x83;
const IPOPT_SSRR = 0x89;
/** Timestamps alone; with the addresses of those who set them; of those whose addresses are there already. */
const TS_ONLY = 0;
const TS_AND_ADDR = 1;
export const TS_PRESPEC = 3;

/** What a packet's options ask for. Offsets are from the IP header; 0: no such option. */
export interface IpOptions {
  recordRoute: number;
  /** There was room, and the own address is in it now. */
  recordedAddress: boolean;
  timestamp: number;
  stamped: boolean;
  stampedAddress: boolean;
  /** Packets that have one are dropped (`accept_source_route` 0), but errors about them go back along it. */
  sourceRoute: number;
  /** A security label (FIPS 188). This host knows none, but returns them. */
  cipso: number;
  changed: boolean;
  /** What is malformed; options behind it were not read. */
  fault: number;
}

const NONE: IpOptions = {
  recordRoute: 0,
  recordedAddress: false,
  timestamp: 0,
  stamped: false,
  stampedAddress: false,
  sourceRoute: 0,
  cipso: 0,
  changed: false,
  fault: 0,
};

/** What options are filled in with. */
export interface OptionSource {
  /** Address to record, host order. */
  readonly own: number;
  /** ms since midnight. */
  readonly time: number;
  /** An address that is another host's: whoever is asked for a timestamp by any other address sets it. */
  readonly isUnicast: (addr: number) => boolean;
}

/**
 * Reads the options of a packet that came in, and writes address and time where they ask for them (`ip_options_compile`).
 * The header checksum is left as it was.
 */
export function compileOptions(p: Packet, from: OptionSource): IpOptions {
  const v = p.view;
  const ip = p.data;
  const end = ipv4HeaderLength(v, ip);
  const out: IpOptions = { ...NONE };
  for (let at = IPV4_MIN; at < end; ) {
    const kind = v.getUint8(ip + at);
    if (kind === IPOPT_END) {
      clear(v, ip, at, end, out);
      break;
    }
    if (kind === IPOPT_NOOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? v.getUint8(ip + at + 1) : 0;
    let fault = 0;
    if (length < 2 || at + length > end) fault = at;
    else if (kind === IPOPT_RR) fault = recordRoute(v, ip, at, length, from.own, out);
    else if (kind === IPOPT_TIMESTAMP) fault = timestamp(v, ip, at, length, from, out);
    else if (kind === IPOPT_LSRR || kind === IPOPT_SSRR) {
      if (length < 3) fault = at + 1;
      else if (v.getUint8(ip + at + 2) < 4) fault = at + 2;
      else if (out.sourceRoute !== 0) fault = at;
      else out.sourceRoute = at;
    } else if (kind === IPOPT_RA && length < 4) fault = at + 1;
    else if (kind === IPOPT_CIPSO) {
      // too short for a label, or one that nobody has defined
      fault = out.cipso !== 0 ? at : length < 8 ? at + 1 : at + 2;
      out.cipso = at;
    }
    if (fault !== 0) return { ...out, fault };
    at += length;
  }
  return out;
}

/** Nothing but zeros is to follow the end of the list. */
function clear(v: DataView, ip: number, at: number, end: number, out: IpOptions): void {
  for (let o = at + 1; o < end; o++) {
    if (v.getUint8(ip + o) === IPOPT_END) continue;
    v.setUint8(ip + o, IPOPT_END);
    out.changed = true;
  }
}

function recordRoute(
  v: DataView,
  ip: number,
  at: number,
  length: number,
  own: number,
  out: IpOptions,
): number {
  if (out.recordRoute !== 0) return at;
  if (length < 3) return at + 1;
  const pointer = v.getUint8(ip + at + 2);
  if (pointer < 4) return at + 2;
  if (pointer <= length && pointer + 3 > length) return at + 2;
  out.recordRoute = at;
  if (pointer > length) return 0;
  v.setInt32(ip + at + pointer - 1, own);
  v.setUint8(ip + at + 2, pointer + 4);
  out.recordedAddress = true;
  out.changed = true;
  return 0;
}

function timestamp(
  v: DataView,
  ip: number,
  at: number,
  length: number,
  from: OptionSource,
  out: IpOptions,
): number {
  if (out.timestamp !== 0) return at;
  if (length < 4) return at + 1;
  const pointer = v.getUint8(ip + at + 2);
  if (pointer < 5) return at + 2;
  const flags = v.getUint8(ip + at + 3);
  const kind = flags & 15;
  if (pointer > length) {
    if (kind !== TS_PRESPEC) {
      if (flags >>> 4 === 15) return at + 3;
      v.setUint8(ip + at + 3, flags + 16);
      out.changed = true;
    }
    out.timestamp = at;
    return 0;
  }
  const size = kind === TS_AND_ADDR || kind === TS_PRESPEC ? 8 : 4;
  if (pointer + size - 1 > length) return at + 2;
  out.timestamp = at;
  // other kinds are nothing that this host knows
  if (kind !== TS_ONLY && size === 4) return 0;
  const place = ip + at + pointer - 1;
  if (kind === TS_PRESPEC && from.isUnicast(v.getInt32(place))) return 0;
  if (kind === TS_AND_ADDR) {
    v.setInt32(place, from.own);
    out.stampedAddress = true;
  }
  v.setUint32(place + size - 4, from.time);
  v.setUint8(ip + at + 2, pointer + size);
  out.stamped = true;
  out.changed = true;
  return 0;
}

/** Replaces the address recorded on the way in by the one that the packet leaves by (`ip_forward_options`). */
export function forwardOptions(p: Packet, options: IpOptions, source: number): void {
  if (!options.changed) return;
  const v = p.view;
  if (options.recordedAddress) {
    const at = p.data + options.recordRoute;
    v.setInt32(at + v.getUint8(at + 2) - 5, source);
  }
  ipv4SetChecksum(v, p.data, ipv4HeaderLength(v, p.data));
}
