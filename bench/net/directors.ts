/** Starts what balances: nftables, HAProxy and ipvsd, each in its namespace. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { type Namespaces, run } from '../../test/e2e/namespaces.js';
import { addresses, HAPROXY, PATHS, PORTS, TCP_PORTS } from './plan.js';

/** Longest time that the daemon may take to put the machine back, ms. */
const PATIENCE = 5000;
const GRACE = 1000;

/** The directors that run. */
export interface Directors {
  /** Stops the daemon in its own way, so that nothing of it stays behind. */
  stop(): Promise<void>;
}

/** Starts them all. */
export async function startDirectors(ns: Namespaces, files: string): Promise<Directors> {
  run(`ip netns exec ${ns.name('nftables')} nft -f -`, {}, dnat());
  const config = join(files, 'haproxy.cfg');
  writeFileSync(config, haproxy());
  ns.background('haproxy', 'haproxy', '-db', '-q', '-f', config);
  const socket = join(files, 'ipvsd.sock');
  const daemon = ns.background(
    'ipvsd',
    process.execPath,
    IPVSD,
    'run',
    '--socket',
    socket,
    '--log-level',
    'warn',
  );
  await eventually('ipvsd does not come up', 15, () => {
    if (daemon.exitCode !== null) throw new Error(`it ended with code ${daemon.exitCode}`);
    return run(`${IPVSADM} -Ln`, { IPVSD_SOCKET: socket });
  });
  run(`${IPVSADM} -R`, { IPVSD_SOCKET: socket }, rules());
  return { stop: () => end(daemon) };
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
function rules(): string {
  const lines: string[] = [];
  for (const { option, address } of PATHS) {
    if (option === undefined) continue;
    for (const [flag, port] of [
      ...TCP_PORTS.map((p) => ['-t', p] as const),
      ['-u', PORTS.discard] as const,
    ]) {
      lines.push(`-A ${flag} ${address}:${port} -s rr`);
      lines.push(`-a ${flag} ${address}:${port} -r ${addresses('ipvsd').server}:${port} ${option}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
