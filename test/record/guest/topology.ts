/** Making a topology out of network namespaces. */
import type { Topology } from '../../../src/datapath/scenario/topology.js';

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

/** Interfaces with a wire, in the order they are made. */
export function wiredInterfaces({ interfaces }: Topology): Topology['interfaces'] {
  return interfaces.filter(({ name }) => name !== 'lo');
}

/** Name of the other end of the wire of interface `name`. */
export function farEnd(name: string): string {
  return `f-${name}`;
}

/** Lines for `ip -batch` in the director's namespace. @param far path of the namespace of the wires' other ends. */
export function directorCommands(topology: Topology, far: string): string[] {
  const lines = ['link set lo up'];
  for (const { name, mac, mtu } of wiredInterfaces(topology)) {
    lines.push(
      `link add ${name} address ${mac} mtu ${mtu ?? 1500} type veth peer name ${farEnd(name)} netns ${far}`,
      `link set ${name} up`,
    );
  }
  for (const { name, addresses } of topology.interfaces) {
    // no duplicate address detection: an IPv6 address is usable at once
    for (const address of addresses ?? []) {
      lines.push(`addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`);
    }
  }
  for (const vip of topology.vips) lines.push(`addr add ${vip}/${vip.includes(':') ? 128 : 32} dev lo`);
  for (const { interface: device, mac, addresses } of topology.hosts) {
    for (const address of addresses)
      lines.push(`neigh add ${address} lladdr ${mac} nud permanent dev ${device}`);
  }
  return [...lines, ...topology.routes.map((route) => `route add ${route}`)];
}
