/** The network that every scenario is played in, as commands. docs/recording.md draws it. */

/** A side of the director: the link to the clients or the link to the real servers. */
export type Side = 'c' | 's';

/** A host beside the director. */
export interface Neighbour {
  side: Side;
  name: string;
  /** Twelve hex digits. */
  mac: string;
  addresses: [string, string];
}

/** The director's own MAC addresses, by side. */
export const DIRECTOR_MAC: Record<Side, string> = { c: '020000000001', s: '020000000002' };

/** MAC address of the frames that clients send. */
export const CLIENT_MAC = '020100000010';

/** Every host that the director knows a MAC address of. */
export const NEIGHBOURS: readonly Neighbour[] = [
  ...range(9, 99).map((n) => neighbour('c', 'client', n, n)),
  ...range(1, 9).map((n) => neighbour('s', `rs${n}`, n, 10 + n)),
  { side: 's', name: 'world', mac: '0202000000fe', addresses: ['10.2.0.254', 'fd00:2::fe'] },
];

/** Sysctls of the director's namespace, below /proc/sys/net. */
export const DIRECTOR_SYSCTLS: readonly (readonly [string, number])[] = [
  ['ipv4/ip_forward', 1],
  ['ipv4/conf/all/rp_filter', 0],
  ['ipv4/conf/default/rp_filter', 0],
  ['ipv4/conf/all/send_redirects', 0],
  ['ipv4/conf/default/send_redirects', 0],
  ['ipv4/icmp_ratelimit', 0],
  ['ipv6/icmp/ratelimit', 0],
  ['ipv6/conf/all/forwarding', 1],
  ['ipv6/conf/default/forwarding', 1],
  ['ipv6/conf/default/accept_dad', 0],
  ['ipv6/conf/default/dad_transmits', 0],
  // no link-local addresses: they would speak on their own
  ['ipv6/conf/default/addr_gen_mode', 1],
];

/** Lines for `ip -batch` in the director's namespace. @param far path of the namespace of the links' other ends. */
export function directorCommands(far: string): string[] {
  const lines = ['link set lo up'];
  for (const [side, net] of [['c', 1], ['s', 2]] as const) {
    lines.push(
      `link add ${side}0 address ${colons(DIRECTOR_MAC[side])} mtu 1500 type veth peer name f${side} netns ${far}`,
      `link set ${side}0 up`,
      `addr add 10.${net}.0.1/24 dev ${side}0`,
      `addr add fd00:${net}::1/64 dev ${side}0 nodad`,
    );
  }
  for (const n of range(100, 110)) {
    lines.push(`addr add 10.1.0.${n}/32 dev lo`, `addr add fd00:1::${n}/128 dev lo`);
  }
  for (const { side, mac, addresses } of NEIGHBOURS) {
    for (const address of addresses) {
      lines.push(`neigh add ${address} lladdr ${colons(mac)} nud permanent dev ${side}0`);
    }
  }
  lines.push(
    'route add 203.0.113.0/24 via 10.1.0.9',
    'route add 2001:db8::/32 via fd00:1::9',
    'route add default via 10.2.0.254',
    'route add ::/0 via fd00:2::fe',
  );
  return lines;
}

/** A MAC address as people write it. @param hex twelve hex digits. */
export function colons(hex: string): string {
  return hex.match(/../g)!.join(':');
}

function neighbour(side: Side, name: string, station: number, host: number): Neighbour {
  const net = side === 'c' ? 1 : 2;
  return {
    side,
    name,
    mac: `020${net}000000${String(station).padStart(2, '0')}`,
    addresses: [`10.${net}.0.${host}`, `fd00:${net}::${host}`],
  };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
