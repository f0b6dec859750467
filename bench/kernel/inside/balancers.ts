/** What balances: nftables, the kernel's IPVS, and ipvsd. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../../demo/lab.js';
import { connectDirector } from '../../../src/control/client.js';
import { run } from '../../../test/e2e/namespaces.js';
import { threadsOf } from '../../support/process-use.js';
import { ADDRESSES, type Director, FAMILIES, host, METHODS, PORT, SERVER_PORT } from './layout.js';
import { addVips } from './network.js';

const program = (name: string): string => fileURLToPath(new URL(`../../../../bin/${name}`, import.meta.url));
/** How ipvsd is told which programs to attach. */
const FAST_PATH = {
  tc: ['--fast-path', 'tc', '--xdp', 'none'],
  xdp: ['--fast-path', 'tc', '--xdp', 'native'],
} as const;
/** Buckets of the kernel's connection table, 2^n: enough that no chain is long. */
const TABLE_BITS = 20;
/** Seconds of the guest's time, which passes fast while it waits for files. */
const PATIENCE = 600;
const MODULES =
  'veth nf_conntrack nft_chain_nat nf_tables nft_nat nf_nat sch_ingress ipip ip6_tunnel tun ip_vs_rr';

const daemons = new Map<Director, number>();

/** Loads what all need. */
export function loadModules(): void {
  run(`modprobe ip_vs conn_tab_bits=${TABLE_BITS}`);
  run(`modprobe -a ${MODULES}`);
  run('sysctl -qw net.netfilter.nf_conntrack_max=4000000 net.core.netdev_max_backlog=10000');
}

/** Starts the director's balancer, if it has one. */
export async function start(director: Director): Promise<void> {
  const name = host('d', director);
  if (director === 'nft') {
    // a network card has looked at checksums; flows last as long as IPVS's
    const settings = ['checksum=0', 'udp_timeout=300', 'udp_timeout_stream=300'];
    const names = settings.map((setting) => `net.netfilter.nf_conntrack_${setting}`);
    run(`ip netns exec ${name} sysctl -qw ${names.join(' ')}`);
    run(`ip netns exec ${name} nft -f -`, {}, dnat());
  }
  if (director === 'ipvs') {
    addVips(director);
    run(`ip netns exec ${name} ipvsadm -R`, {}, rules());
  }
  if (director === 'tc' || director === 'xdp') await daemon(director);
}

/** The threads of the director's daemon; none where there is none. */
export function daemonThreads(director: Director): number[] {
  const pid = daemons.get(director);
  return pid === undefined ? [] : threadsOf(pid);
}

/** Packets that have come to the engine so far; 0 where there is none. */
export async function decided(director: Director): Promise<number> {
  if (director !== 'tc' && director !== 'xdp') return 0;
  const client = connectDirector({ socket: socketOf(director) });
  try {
    return (await client.execute('counters', {})).packets!;
  } finally {
    client.close();
  }
}

function socketOf(director: 'tc' | 'xdp'): string {
  return `/run/ipvsd-${director}.sock`;
}

async function daemon(director: 'tc' | 'xdp'): Promise<void> {
  addVips(director);
  const socket = socketOf(director);
  const options = ['--socket', socket, '--log-level', 'warn', ...FAST_PATH[director]];
  const args = ['netns', 'exec', host('d', director), process.execPath, program('ipvsd'), 'run', ...options];
  const child = spawn('ip', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const ipvsadm = `${process.execPath} ${program('ipvsadm')}`;
  await eventually(`ipvsd (${director}) does not come up`, PATIENCE, () => {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    return run(`${ipvsadm} -Ln`, { IPVSD_SOCKET: socket });
  });
  run(`${ipvsadm} -R`, { IPVSD_SOCKET: socket }, rules());
  daemons.set(director, child.pid!);
  child.unref();
}

function dnat(): string {
  return FAMILIES.map((family) => {
    const { vips, server } = ADDRESSES[family];
    const ip = family === 4 ? 'ip' : 'ip6';
    const to = family === 4 ? `${server}:${SERVER_PORT}` : `[${server}]:${SERVER_PORT}`;
    return `table ${ip} nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ${ip} daddr ${vips.NAT} udp dport ${PORT} dnat to ${to}
  }
}
`;
  }).join('');
}

/** For `ipvsadm -R`, the kernel's and ours. */
function rules(): string {
  const option = { NAT: '-m', DR: '-g', TUN: '-i' };
  const lines = FAMILIES.flatMap((family) =>
    METHODS.flatMap((method) => {
      const { vips, server } = ADDRESSES[family];
      const at = (address: string, port: number): string =>
        family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
      const service = at(vips[method], PORT);
      const dest = at(server, method === 'NAT' ? SERVER_PORT : PORT);
      return [`-A -u ${service} -s rr`, `-a -u ${service} -r ${dest} ${option[method]}`];
    }),
  );
  return `${lines.join('\n')}\n`;
}
