/** Starts what balances: nftables, HAProxy and ipvsd, each in its namespace. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { type Namespaces, run } from '../../test/e2e/namespaces.js';
import { addresses, type DirectorName, HAPROXY, PATHS, PORTS, TCP_PORTS, TIERS, type Tier } from './plan.js';

/** Longest time that the daemon may take to put the machine back, ms. */
const PATIENCE = 5000;
const GRACE = 1000;

/** The directors that run. */
export interface Directors {
  /** Threads of the director's own process; none where the kernel does it all. */
  threads(director: DirectorName): number[];
  /** Stops the daemons in their own way, so that nothing of them stays behind. */
  stop(): Promise<void>;
}

/** Starts them all. */
export async function startDirectors(ns: Namespaces, files: string): Promise<Directors> {
  run(`ip netns exec ${ns.name('nftables')} nft -f -`, {}, dnat());
  const config = join(files, 'haproxy.cfg');
  writeFileSync(config, haproxy());
  ns.background('haproxy', 'haproxy', '-db', '-q', '-f', config);
  const tiers = Object.keys(TIERS) as Tier[];
  const daemons = await Promise.all(tiers.map((tier) => startDaemon(ns, tier, join(files, `${tier}.sock`))));
  return {
    threads: (director) => threadsOf(daemons[tiers.indexOf(director as Tier)]?.pid),
    stop: async () => {
      await Promise.all(daemons.map(end));
    },
  };
}

async function startDaemon(ns: Namespaces, tier: Tier, socket: string): Promise<ChildProcess> {
  const options = ['--socket', socket, '--log-level', 'warn', ...TIERS[tier]];
  const daemon = ns.background(tier, process.execPath, IPVSD, 'run', ...options);
  await eventually(`ipvsd (${tier}) does not come up`, 30, () => {
    if (daemon.exitCode !== null) throw new Error(`it ended with code ${daemon.exitCode}`);
    return run(`${IPVSADM} -Ln`, { IPVSD_SOCKET: socket });
  });
  run(`${IPVSADM} -R`, { IPVSD_SOCKET: socket }, rules(tier));
  return daemon;
}

function threadsOf(pid: number | undefined): number[] {
  return pid === undefined ? [] : readdirSync(`/proc/${pid}/task`).map(Number);
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return;
  const gone = once(daemon, 'exit');
  // ctrl-C has reached it as well, and a second signal would not let it put the machine back
  await Promise.race([gone, sleep(GRACE)]);
  daemon.kill('SIGTERM');
  await Promise.race([gone, sleep(PATIENCE, undefined, { ref: false })]);
}

function dnat(): string {
  const lines = PATHS.filter(({ director }) => director === 'nftables').map(
    ({ address }) => `    ip daddr ${address} dnat to ${addresses('nftables').server}`,
  );
  return `table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
${lines.join('\n')}
  }
}
`;
}

function haproxy(): string {
  const listen = TCP_PORTS.map(
    (port) => `listen p${port}
  bind ${HAPROXY.address}:${port}
  server s ${addresses('haproxy').server}:${port}
`,
  );
  return `defaults
  mode tcp
  maxconn 4096
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${listen.join('')}`;
}

/** Every port by every method, for `ipvsadm -R`. */
function rules(tier: Tier): string {
  const lines: string[] = [];
  for (const { director, option, address } of PATHS) {
    if (director !== tier) continue;
    for (const [flag, port] of [
      ...TCP_PORTS.map((p) => ['-t', p] as const),
      ['-u', PORTS.discard] as const,
    ]) {
      lines.push(`-A ${flag} ${address}:${port} -s rr`);
      lines.push(`-a ${flag} ${address}:${port} -r ${addresses(tier).server}:${port} ${option}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
