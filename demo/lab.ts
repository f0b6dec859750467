/**
 * The hosts of the demonstration:
 *
 *     client --- router === director
 *                      \=== server 1, 2, 3      (one network, the virtual addresses behind the director)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Namespaces } from '../test/e2e/namespaces.js';
import { FAMILIES, METHODS, SERVERS } from './layout.js';

/** Where answers of NAT servers go: back through the director, by a routing table of their own. */
const NAT_TABLE = 77;

const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export const IPVSD = program('../../bin/ipvsd');
export const IPVSADM = program('../../bin/ipvsadm');

/** Builds the network. */
export function build(ns: Namespaces): void {
  for (const name of ['client', 'router', 'director']) ns.add(name);
  for (const n of SERVERS) ns.add(`server${n}`);
  for (const name of ['router', 'director']) {
    ns.sysctl(name, 'net/ipv4/ip_forward', 1);
    ns.sysctl(name, 'net/ipv6/conf/all/forwarding', 1);
  }
  ns.sysctl('router', 'net/ipv4/conf/all/send_redirects', 0);
  ns.ip('router', 'link add lan type bridge');
  ns.ip('router', 'link set lan up');
  ns.connect('client', 'eth0', 'router', 'client');
  for (const name of ['director', ...SERVERS.map((n) => `server${n}`)]) {
    ns.connect(name, 'eth0', 'router', name);
    ns.ip('router', `link set ${name} master lan`);
  }
  for (const f of FAMILIES) {
    ns.address('client', 'eth0', `${f.client}/${f.clientPrefix}`);
    ns.address('router', 'client', `${f.clientGateway}/${f.clientPrefix}`);
    ns.address('router', 'lan', `${f.router}/${f.prefix}`);
    ns.address('director', 'eth0', `${f.director}/${f.prefix}`);
    ns.ip('client', `route add default via ${f.clientGateway}`);
    ns.ip('director', `route add default via ${f.router}`);
    ns.ip('router', `route add ${f.vipNet} via ${f.director}`);
    for (const { vip } of METHODS) ns.address('director', 'lo', `${f.vip(vip)}${f.host}`);
    for (const n of SERVERS) addServer(ns, n, f);
  }
}

function addServer(ns: Namespaces, n: number, f: (typeof FAMILIES)[number]): void {
  const name = `server${n}`;
  const flag = f.name === 'IPv6' ? '-6 ' : '';
  ns.address(name, 'eth0', `${f.server(n)}/${f.prefix}`);
  ns.ip(name, `route add default via ${f.router}`);
  ns.ip(name, `${flag}route add default via ${f.director} table ${NAT_TABLE}`);
  ns.ip(name, `${flag}rule add from ${f.server(n)} to ${f.client} lookup ${NAT_TABLE}`);
  // servers of DR and TUN own the virtual address without telling anybody on the network
  for (const { name: method, vip } of METHODS) {
    if (method !== 'NAT') ns.address(name, 'lo', `${f.vip(vip)}${f.host}`);
  }
}

/** Starts the real servers and what takes their packets out of the tunnels. */
export function startServers(ns: Namespaces): void {
  for (const n of SERVERS) {
    ns.background(`server${n}`, process.execPath, program('./real-server.js'), `server ${n}`);
    ns.background(`server${n}`, process.execPath, IPVSD, 'decap');
  }
}

/** Waits until `probe` succeeds. @throws what it threw last, after `seconds`. */
export async function eventually<T>(what: string, seconds: number, probe: () => T | Promise<T>): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > end) throw new Error(`${what}: ${error instanceof Error ? error.message : error}`);
      await sleep(100);
    }
  }
}
