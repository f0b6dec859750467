/**
 * A daemon whose commands and checks are measured, and hosts that it may check:
 *
 *     director --- servers        (10.200.0.0 to 10.209.255.255, all of them one listener)
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, IPVSD } from '../../demo/lab.js';
import { Namespaces } from '../../test/e2e/namespaces.js';
import { processorSeconds, residentMemory } from '../support/process-use.js';

const REAL = '10.200.0.0/13 10.208.0.0/15'.split(' ');
/** Answers every HTTP request. */
const LISTENER = `
require('node:http').createServer((_, answer) => answer.end('well')).listen(8080, '0.0.0.0', 4096, () => console.log('ready'));
`;

/** The hosts and the daemon: up until `close`. */
export class ControlLab {
  readonly #net = new Namespaces('large');
  readonly #files = mkdtempSync(join(tmpdir(), 'ipvsd-large-'));
  readonly #env = { ...process.env, IPVSD_SOCKET: join(this.#files, 'ipvsd.sock') };
  #daemon: ChildProcess | undefined;

  /** Makes them. After a failure `close` is still to be called. */
  async open(): Promise<void> {
    const net = this.#net;
    for (const name of ['director', 'servers']) net.add(name);
    net.connect('director', 'eth0', 'servers', 'eth0');
    net.address('director', 'eth0', '10.1.0.1/24');
    net.address('servers', 'eth0', '10.1.0.2/24');
    net.sysctl('director', 'net/ipv4/ip_forward', 1);
    for (const network of REAL) {
      net.ip('director', `route add ${network} via 10.1.0.2`);
      net.ip('servers', `route add local ${network} dev lo`);
    }
    await net.start('servers', process.execPath, '-e', LISTENER);
    const daemon = net.background(
      'director',
      process.execPath,
      IPVSD,
      'run',
      '--log-level',
      'error',
      '--socket',
      this.#env.IPVSD_SOCKET,
    );
    this.#daemon = daemon;
    await eventually('ipvsd does not come up', 30, () => {
      if (daemon.exitCode !== null) throw new Error(`it ended with code ${daemon.exitCode}`);
      return this.run(IPVSD, ['sysctl']);
    });
  }

  /** A file for commands. @returns its path */
  file(name: string, text: string): string {
    const path = join(this.#files, name);
    writeFileSync(path, text);
    return path;
  }

  /** Runs one of our programs. @returns what it prints */
  run(program: string, args: readonly string[], input = ''): string {
    const options = { encoding: 'utf8', env: this.#env, maxBuffer: 1 << 28, stdio: 'pipe', input } as const;
    return execFileSync(process.execPath, [program, ...args], options);
  }

  /** As {@link run}. @returns seconds that it took by the clock, its start included */
  time(program: string, args: readonly string[], input = ''): number {
    const start = performance.now();
    this.run(program, args, input);
    return (performance.now() - start) / 1000;
  }

  /** Resident memory of the daemon, bytes. */
  get memory(): number {
    return residentMemory(this.#daemon!.pid!);
  }

  /** Processor time of the daemon, seconds. */
  get busy(): number {
    return processorSeconds(this.#daemon!.pid!);
  }

  async close(): Promise<void> {
    if (this.#daemon?.kill('SIGTERM')) await once(this.#daemon, 'exit');
    this.#net.close();
    rmSync(this.#files, { recursive: true, force: true });
  }
}
