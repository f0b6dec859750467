/** Tunnels of dests, as ways have them. */
import type { Tunnel } from '../../ebpf/flow.js';
import type { Dest } from '../../engine/dest.js';
import {
  TUNNEL_ENCAP_FLAG_CSUM,
  TUNNEL_ENCAP_FLAG_NOCSUM,
  TUNNEL_TYPE_GRE,
  TUNNEL_TYPE_GUE,
} from '../../engine/flags.js';
import { GRE_HEADER, GRE_HEADER_CSUM } from '../../wire/gre.js';
import { GUE_HEADER } from '../../wire/gue.js';
import { AF_INET, type InetAddr } from '../../wire/inet.js';
import { IPV4_MIN } from '../../wire/ipv4.js';
import { IPV6_HEADER } from '../../wire/ipv6.js';
import { UDP_HEADER } from '../../wire/udp.js';

/**
 * The outer headers of packets to `dest`. Remote checksum offload is left out: it is for packets whose checksum nobody has completed, which programs cannot
 * tell, and any packet may go without it, with the outer checksum that all others have.
 * @param source address of this host.
 */
export function tunnelOf(dest: Dest, source: InetAddr): Tunnel {
  const { addr: destination, tunType, tunFlags, tunPort: port } = dest;
  const outer = { source, destination, copyDf: true, port };
  if (tunType === TUNNEL_TYPE_GUE)
    return { ...outer, type: 'gue', csum: tunFlags !== TUNNEL_ENCAP_FLAG_NOCSUM };
  if (tunType === TUNNEL_TYPE_GRE) {
    return { ...outer, type: 'gre', csum: (tunFlags & TUNNEL_ENCAP_FLAG_CSUM) !== 0 };
  }
  return { ...outer, type: 'ipip', csum: false };
}

/** Bytes that they take. */
export function tunnelLength({ type, csum, destination }: Tunnel): number {
  const header = destination.family === AF_INET ? IPV4_MIN : IPV6_HEADER;
  if (type === 'gue') return header + UDP_HEADER + GUE_HEADER;
  if (type === 'gre') return header + (csum ? GRE_HEADER_CSUM : GRE_HEADER);
  return header;
}

/** A number that is equal for tunnels whose packets look alike. */
export function tunnelKind({ tunType, tunFlags, tunPort }: Dest): number {
  return (tunType << 24) | (tunFlags << 16) | tunPort;
}
