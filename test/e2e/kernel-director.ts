/** A director that is a real kernel: user-mode Linux with IPVS, on a TAP device of a network namespace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { beginScript } from '../record/guest-init.js';

/** How the guest is to be. */
export interface KernelDirectorOptions {
  /** Namespace with the TAP device. */
  readonly netns: string;
  readonly tap: string;
  readonly mac: string;
  /** Of its interface `eth0`, with their prefix lengths. */
  readonly addresses: readonly string[];
  readonly vips: readonly string[];
  /** Lines of ipvsadm, carried out one after the other. */
  readonly ipvsadm: readonly string[];
}

/** Names of the files that the guest writes. */
const CONNECTIONS = 'connections';
const LOG = 'log';

/** The running guest. */
export class KernelDirector {
  readonly #directory = mkdtempSync(join(tmpdir(), 'ipvsd-kernel-'));
  readonly #child: ChildProcess;

  constructor(options: KernelDirectorOptions) {
    const init = join(this.#directory, 'init');
    writeFileSync(init, script(this.#directory, options), { mode: 0o755 });
    const log = openSync(join(this.#directory, 'console'), 'w');
    this.#child = spawn(
      'ip',
      [
        ...['netns', 'exec', options.netns, 'linux.uml', 'mem=256M', 'root=/dev/root', 'rootfstype=hostfs'],
        ...['rootflags=/', 'ro', `init=${init}`, `eth0=tuntap,${options.tap},${options.mac}`],
        ...[
          'con=null',
          'con0=fd:0,fd:1',
          'quiet',
          `umid=${basename(this.#directory)}`,
          `uml_dir=${this.#directory}/`,
        ],
      ],
      { stdio: ['ignore', log, log], detached: true, env: { ...process.env, HOME: this.#directory } },
    );
    closeSync(log);
  }

  /** The list of connections, not older than a second; empty while the guest boots. */
  connections(): string {
    const path = join(this.#directory, CONNECTIONS);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** What went wrong, for people. */
  get log(): string {
    return ['console', LOG]
      .map((name) => join(this.#directory, name))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, 'utf8').slice(-5000))
      .join('\n');
  }

  /** Ends the guest at once. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, 'SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function script(directory: string, { addresses, vips, ipvsadm }: KernelDirectorOptions): string {
  const add = (address: string, device: string): string =>
    `ip addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`;
  return `${beginScript(directory, 'ip_vs ip_vs_rr')}
exec > /run/record/${LOG} 2>&1
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
for device in all eth0; do echo 0 > /proc/sys/net/ipv6/conf/$device/accept_dad; done
echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects
echo 0 > /proc/sys/net/ipv4/conf/default/send_redirects
echo 0 > /proc/sys/net/ipv4/conf/eth0/send_redirects
${addresses.map((address) => add(address, 'eth0')).join('\n')}
${vips.map((vip) => add(`${vip}${vip.includes(':') ? '/128' : '/32'}`, 'lo')).join('\n')}
ip link set eth0 up
${ipvsadm.map((line) => `ipvsadm ${line}`).join('\n')}
while :; do
  ipvsadm -Lnc > /run/record/new
  mv /run/record/new /run/record/${CONNECTIONS}
  sleep 0.3
done
`;
}
