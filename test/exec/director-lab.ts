/** A director with a program on it under `ipvsd exec`, real servers that come and go, and a client. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { Namespaces, run } from '../e2e/namespaces.js';

const SERVER = fileURLToPath(new URL('../e2e/server.js', import.meta.url));
export const VIP = '10.1.0.100';

/** Address of real server `n`. */
export function server(n: number): string {
  return `10.2.${n}.11`;
}

/** The laboratory: up until `close`. */
export class DirectorLab {
  readonly net = new Namespaces('exl');
  readonly folder = mkdtempSync(join(tmpdir(), 'ipvsd-exec-'));
  readonly #socket = join(this.folder, 'ipvsd.sock');
  readonly #servers = new Map<number, ChildProcess>();
  #daemon: ChildProcess | undefined;
  #program: ChildProcess | undefined;

  /** @param servers how many. */
  async open(servers: number): Promise<void> {
    for (const name of ['client', 'director']) this.net.add(name);
    this.net.connect('client', 'eth0', 'director', 'c0');
    this.net.address('client', 'eth0', '10.1.0.9/24');
    this.net.address('director', 'c0', '10.1.0.1/24');
    this.net.address('director', 'lo', `${VIP}/32`);
    this.net.ip('client', `route add ${VIP}/32 via 10.1.0.1`);
    this.net.sysctl('director', 'net/ipv4/ip_forward', 1);
    for (let n = 1; n <= servers; n++) {
      this.net.add(`server${n}`);
      this.net.connect(`server${n}`, 'eth0', 'director', `s${n}`);
      this.net.address(`server${n}`, 'eth0', `${server(n)}/24`);
      this.net.address('director', `s${n}`, `10.2.${n}.1/24`);
      this.net.ip(`server${n}`, `route add default via 10.2.${n}.1`);
      await this.startServer(n);
    }
    await this.startDaemon();
  }

  async startServer(n: number): Promise<void> {
    this.#servers.set(
      n,
      await this.net.start(`server${n}`, process.execPath, SERVER, `server${n}`, server(n)),
    );
  }

  async stopServer(n: number): Promise<void> {
    await end(this.#servers.get(n), 'SIGKILL');
  }

  async startDaemon(): Promise<void> {
    this.#daemon = this.net.background(
      'director',
      ...[process.execPath, IPVSD, 'run', '--restore', '--socket', this.#socket, '--log-level', 'error'],
    );
    await eventually('ipvsd does not come up', 15, () => this.listing());
  }

  /** Ends the daemon as a fault does. */
  async killDaemon(): Promise<void> {
    await end(this.#daemon, 'SIGKILL');
  }

  /** Starts a program of the director under supervision. */
  start(...words: string[]): void {
    this.#program = this.net.background(
      'director',
      ...[process.execPath, IPVSD, 'exec', '--socket', this.#socket, '--log', this.log, '--', ...words],
    );
  }

  /** What the program was not told. */
  get log(): string {
    return join(this.folder, 'exec.log');
  }

  /** Writes a file. @returns its path */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Sends a signal to what was started as `ipvsd exec`, which is the program itself. */
  signal(signal: 'SIGHUP' | 'SIGTERM'): void {
    this.#program!.kill(signal);
  }

  /** @returns the program's exit code */
  async stop(): Promise<number | null> {
    return end(this.#program, 'SIGTERM');
  }

  /** What the director does, as our own ipvsadm lists it: `tcp 10.1.0.100:80 rr`, `-> 10.2.1.11:80 masq 1`. */
  listing(): string[] {
    const lines = this.ipvsadm('-L -n').split('\n');
    return lines.slice(3).map((line) => line.trim().split(/\s+/).slice(0, 4).join(' '));
  }

  /** Runs our own ipvsadm. */
  ipvsadm(args: string): string {
    return run(`${process.execPath} ${IPVSADM} ${args}`, { IPVSD_SOCKET: this.#socket }).trim();
  }

  /** Connections that the service at `port` has had, as of the estimator's last turn: up to two seconds ago. */
  connections(port = 80): number {
    const counted = new RegExp(`^TCP +\\S+:${port} +(\\d+)`, 'm');
    return Number(counted.exec(this.ipvsadm('-L -n --stats --exact'))![1]);
  }

  /** Waits for a listing. */
  async becomes(what: string, expected: readonly string[]): Promise<void> {
    await eventually(what, 20, () => {
      const found = this.listing();
      if (found.join('\n') !== expected.join('\n')) throw new Error(`listed: ${found.join(' | ')}`);
    });
  }

  /** Who answers at a virtual address. */
  ask(port = 80, address = VIP): string {
    return this.net.exec('client', `curl -sS -m 5 http://${address}:${port}/`).trim().split(' ')[0]!;
  }

  async close(): Promise<void> {
    try {
      await this.stop();
      await end(this.#daemon, 'SIGTERM');
    } finally {
      const { ino } = statSync(`/run/netns/${this.net.name('director')}`, { bigint: true });
      this.net.close();
      for (const kind of ['rules', 'conns']) rmSync(`/run/ipvsd/netns-${ino}.${kind}`, { force: true });
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

async function end(child: ChildProcess | undefined, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
  if (child === undefined) return null;
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}
