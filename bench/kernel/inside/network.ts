/** Builds the hosts of `layout.ts`. */
import { enterNetns } from '../../../src/linux/netns.js';
import { run } from '../../../test/e2e/namespaces.js';
import { ADDRESSES, type Director, FAMILIES, hardwareText, host, METHODS } from './layout.js';

const KINDS = ['all', 'default'];

/** Makes a director's namespaces, links, addresses and routes; neighbours are known, so that no packet waits for one. */
export function build(director: Director): void {
  const [c, d, s] = [host('c', director), host('d', director), host('s', director)];
  for (const name of [c, d, s]) {
    run(`ip netns add ${name}`);
    const settings = KINDS.flatMap((kind) => [
      `net.ipv4.conf.${kind}.rp_filter=0`,
      `net.ipv6.conf.${kind}.forwarding=1`,
      `net.ipv6.conf.${kind}.accept_dad=0`,
    ]);
    run(
      `ip netns exec ${name} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 ${settings.join(' ')}`,
    );
  }
  batch(c, ['link set lo up', pair('c0', 'near', d)]);
  batch(d, ['link set lo up', pair('far', 's0', s)]);
  batch(s, ['link set lo up']);
  batch(c, [
    'link set c0 up',
    ...sides(({ client, prefix, near }) => end('c0', client, prefix, near, 'near')),
  ]);
  batch(s, ['link set s0 up', ...sides(({ server, prefix, far }) => end('s0', server, prefix, far, 'far'))]);
  batch(d, [
    'link set near up',
    'link set far up',
    ...sides(({ client, near, far, server, prefix, clients }) => [
      `addr add ${near}/${prefix} dev near nodad`,
      `addr add ${far}/${prefix} dev far nodad`,
      `neigh replace ${client} lladdr ${hardwareText('c0')} dev near nud permanent`,
      `neigh replace ${server} lladdr ${hardwareText('s0')} dev far nud permanent`,
      `route add ${clients} via ${client}`,
    ]),
  ]);
  // a veth takes redirected frames only when its receiving end polls
  for (const [name, link] of [
    [c, 'c0'],
    [d, 'near'],
    [d, 'far'],
    [s, 's0'],
  ])
    run(`ip netns exec ${name} ethtool -K ${link} gro on`);
}

/** Gives the director the virtual addresses. */
export function addVips(director: Director): void {
  const lines = FAMILIES.flatMap((family) => {
    const { vips, host: bits } = ADDRESSES[family];
    return METHODS.map((method) => `addr add ${vips[method]}/${bits} dev lo nodad`);
  });
  batch(host('d', director), lines);
}

/** Moves this thread into a namespace. @returns the number of its interface `link`. */
export function enter(name: string, link: string): number {
  enterNetns(name);
  return Number(run(`ip netns exec ${name} cat /sys/class/net/${link}/ifindex`));
}

function pair(link: 'c0' | 'far', peer: 'near' | 's0', peerHost: string): string {
  return `link add ${link} address ${hardwareText(link)} type veth peer name ${peer} netns ${peerHost} address ${hardwareText(peer)}`;
}

function sides(lines: (addresses: (typeof ADDRESSES)[4]) => string[]): string[] {
  return FAMILIES.flatMap((family) => lines(ADDRESSES[family]));
}

function end(link: string, own: string, prefix: number, gateway: string, peer: 'near' | 'far'): string[] {
  return [
    `addr add ${own}/${prefix} dev ${link} nodad`,
    `route add default via ${gateway}`,
    `neigh replace ${gateway} lladdr ${hardwareText(peer)} dev ${link} nud permanent`,
  ];
}

/** Commands for `ip -n NAME -batch`. */
function batch(name: string, lines: readonly string[]): void {
  // "via" and "default" tell the family by the address, routes for IPv6 have to be told
  const text = lines.map((line) => (line.includes(':') && line.startsWith('route') ? `-6 ${line}` : line));
  for (const six of [false, true]) {
    const part = text.filter((line) => line.startsWith('-6 ') === six).map((line) => line.replace('-6 ', ''));
    if (part.length > 0) run(`ip ${six ? '-6 ' : ''}-n ${name} -batch -`, {}, `${part.join('\n')}\n`);
  }
}
