/**
 * The hosts of the network benchmarks, and the ways between them:
 *
 *            +-- router ---+
 *     client +-- nftables -+ server        each director has two links of its own
 *            +-- haproxy --+
 *            +-- engine ---+               ipvsd without a fast path
 *            +-- tc -------+               ipvsd by tc
 *            +-- xdp ------+               ipvsd by XDP, and tc behind it
 *            +-------------+               answers of DR and TUN: past the director
 */

/** How ipvsd carries packets: the options of `ipvsd run`, by the name of a director. */
export const TIERS = {
  engine: ['--fast-path', 'none'],
  tc: ['--fast-path', 'tc', '--xdp', 'none'],
  xdp: ['--fast-path', 'tc', '--xdp', 'native'],
} as const;
export type Tier = keyof typeof TIERS;
/** As they are shown. */
const TIER_NAMES: Readonly<Record<Tier, string>> = { engine: 'engine', tc: 'tc', xdp: 'XDP' };

/** A director, each in a namespace of its own so that none pays for another's rules. */
export type DirectorName = 'router' | 'nftables' | 'haproxy' | Tier;
export const DIRECTORS: readonly DirectorName[] = [
  'router',
  'nftables',
  'haproxy',
  ...(Object.keys(TIERS) as Tier[]),
];

/** The client's and the server's interface to a director. */
export function linkTo(director: DirectorName): string {
  return `to-${director}`;
}

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

export const NFTABLES: Path = { name: 'nftables DNAT', director: 'nftables', address: '192.0.2.11' };
export const HAPROXY: Path = { name: 'HAProxy, TCP mode', director: 'haproxy', address: '192.0.2.12' };

const METHODS = [
  ['NAT', '-m'],
  ['DR', '-g'],
  ['TUN', '-i'],
] as const;

/** The name of one of ipvsd's ways. */
export function ownName(tier: Tier, method: (typeof METHODS)[number][0]): string {
  return `ipvsd ${TIER_NAMES[tier]} ${method}`;
}

/** All ways, in the order in which they take turns. */
export const PATHS: readonly Path[] = [
  DIRECT,
  NFTABLES,
  HAPROXY,
  ...(Object.keys(TIERS) as Tier[]).flatMap((tier, t) =>
    METHODS.map(([method, option], m) => ({
      name: ownName(tier, method),
      director: tier,
      address: `192.0.2.${20 + 10 * t + m}`,
      option,
    })),
  ),
];

/** The ways of datagrams: HAProxy carries none. */
export const UDP_PATHS: readonly Path[] = PATHS.filter((path) => path !== HAPROXY);

/** The server's ports. */
export const PORTS = { echo: 7, discard: 9, http: 80, iperf: 5201 } as const;
export const TCP_PORTS: readonly number[] = [PORTS.echo, PORTS.http, PORTS.iperf];
