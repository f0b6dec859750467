/**
 * The hosts of the network benchmarks, and the ways between them:
 *
 *            +-- router ---+
 *     client +-- nftables -+ server        each director has two links of its own
 *            +-- haproxy --+
 *            +-- ipvsd ----+
 *            +-------------+               answers of DR and TUN: past the director
 */

/** A director, each in a namespace of its own so that none pays for another's rules. */
export const DIRECTORS = ['router', 'nftables', 'haproxy', 'ipvsd'] as const;
export type DirectorName = (typeof DIRECTORS)[number];

/** One way from the client to the server. */
export interface Path {
  /** As it is shown. */
  readonly name: string;
  readonly director: DirectorName;
  /** What the client asks: the server itself where nobody balances, a virtual address otherwise. */
  readonly address: string;
  /** ipvsadm's option for the forwarding method; for ipvsd alone. */
  readonly option?: string;
}

/** Addresses on a director's links, in networks of 24 bits. */
export function addresses(director: DirectorName): Record<'client' | 'near' | 'far' | 'server', string> {
  const n = DIRECTORS.indexOf(director);
  return {
    client: `10.78.1${n}.2`,
    near: `10.78.1${n}.1`,
    far: `10.78.2${n}.1`,
    server: `10.78.2${n}.2`,
  };
}

/** The link past the director. */
export const BACK = { client: '10.78.30.1', server: '10.78.30.2' } as const;

/** The way that all others are compared with. */
export const DIRECT: Path = { name: 'direct', director: 'router', address: addresses('router').server };

export const HAPROXY: Path = { name: 'HAProxy, TCP mode', director: 'haproxy', address: '192.0.2.12' };

export const IPVSD_NAT: Path = { name: 'ipvsd NAT', director: 'ipvsd', address: '192.0.2.1', option: '-m' };

/** All ways, in the order in which they take turns. */
export const PATHS: readonly Path[] = [
  DIRECT,
  { name: 'nftables DNAT', director: 'nftables', address: '192.0.2.11' },
  HAPROXY,
  IPVSD_NAT,
  { name: 'ipvsd DR', director: 'ipvsd', address: '192.0.2.2', option: '-g' },
  { name: 'ipvsd TUN', director: 'ipvsd', address: '192.0.2.3', option: '-i' },
];

/** The server's ports. */
export const PORTS = { echo: 7, discard: 9, http: 80, iperf: 5201 } as const;
export const TCP_PORTS: readonly number[] = [PORTS.echo, PORTS.http, PORTS.iperf];
