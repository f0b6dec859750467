/** The hosts of the demonstration with a data path whose packets the kernel carries. Real servers answer by HTTP and by a UDP echo, and open tunnels. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../demo/lab.js';
import { FAMILIES, METHODS, SERVERS } from '../../demo/layout.js';
import type { DestSpec, ForwardName, ProtocolName } from '../../src/control/command.js';
import { startTunDatapath, type TunDatapath, type TunDatapathStart } from '../../src/daemon/tun-datapath.js';
import { Namespaces } from './namespaces.js';
import { script } from './script.js';

/** Where real servers answer. */
export const PORTS = { http: 8080, echo: 7 } as const;
/** Forwarding methods by the names that the demonstration has for them. */
export const FORWARD: Readonly<Record<string, ForwardName>> = { NAT: 'masq', DR: 'route', TUN: 'tunnel' };
const MIB = 1 << 20;

/** An address as it stands in a URL. */
export const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** The identity of a service. */
export const key = (protocol: ProtocolName, address: string, port: number) => ({ protocol, address, port });

/** The laboratory: up until `close`. */
export class CarryingLab {
  readonly net: Namespaces;
  readonly #state = mkdtempSync(join(tmpdir(), 'ipvsd-'));
  readonly #complaints: string[] = [];
  #datapath: TunDatapath | undefined;

  /** @param prefix of the namespaces' names. */
  constructor(prefix: string) {
    this.net = new Namespaces(prefix);
  }

  /** Builds the hosts and starts what runs on the real servers. */
  async build(): Promise<void> {
    const { net } = this;
    build(net);
    for (const n of SERVERS) {
      const host = `server${n}`;
      const own = FAMILIES.flatMap((f) => [f.server(n), ...METHODS.slice(1).map(({ vip }) => f.vip(vip))]);
      await net.start(host, process.execPath, script('server'), host, ...own);
      await net.start(host, process.execPath, script('echo'), host, String(PORTS.echo));
      await net.spawn(process.execPath, script('decap-child'), net.name(host));
    }
  }

  /** Starts the data path in the director's namespace. @param inform is told what it logs, but for complaints. */
  async start(
    options: Partial<TunDatapathStart> = {},
    inform: (message: string, fields?: object) => void = () => {},
  ): Promise<void> {
    const complain = (message: string, fields?: object): void => {
      this.#complaints.push(`${message} ${JSON.stringify(fields)}`);
    };
    const log = { debug: () => {}, info: inform, warn: complain, error: complain };
    const netns = this.net.name('director');
    this.#datapath = await startTunDatapath({
      ...{ netns, stateDirectory: this.#state, log, fastPath: 'tc' },
      ...options,
    });
  }

  /** What {@link start} has started. */
  get datapath(): TunDatapath {
    return this.#datapath!;
  }

  /** Adds a service with real servers of the same port. */
  async add(
    service: ReturnType<typeof key>,
    forward: ForwardName,
    servers: readonly string[],
    tunnel: Pick<DestSpec, 'tunType' | 'tunPort' | 'tunCsum'> = {},
  ): Promise<void> {
    const netmask = service.address.includes(':') ? '128' : '255.255.255.255';
    await this.datapath.execute('service.add', {
      service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask },
    });
    for (const address of servers) {
      const dest = { address, port: service.port, forward, weight: 1, uThreshold: 0, lThreshold: 0 };
      await this.datapath.execute('dest.add', { service, dest: { ...dest, ...tunnel } });
    }
  }

  /** Asks from one port of the client, `gap` ms after each answer or `patience` ms without one; `answers` will be who answered how often. */
  flow(
    address: string,
    count: number,
    gap: number,
    patience = 5000,
  ): { child: ChildProcess; answers: Promise<Record<string, number>> } {
    const args = [address, PORTS.echo, count, gap, patience].map(String);
    const { child, printed } = this.net.collect('client', process.execPath, script('udp-flow'), ...args);
    return { child, answers: printed.then((lines) => JSON.parse(lines.replace('ready', ''))) };
  }

  /** 4 MiB to the client, and 1 MiB or more from it, to real server 1. */
  transfer(vip: string): void {
    const curl = `curl -sS -m 60 http://${inUrl(vip)}:${PORTS.http}`;
    assert.equal(this.net.exec('client', `${curl}/large`).length, 4 * MIB);
    this.upload(vip);
  }

  /** 1 MiB or more from the client to real server 1. */
  upload(vip: string): void {
    const url = `http://${inUrl(vip)}:${PORTS.http}/`;
    assert.match(this.net.exec('client', `curl -sS -m 60 -T ${process.execPath} ${url}`), /^server1 \d{7}/);
  }

  /** Removes everything. @throws when the data path has complained of anything. */
  async close(): Promise<void> {
    await this.#datapath?.stop();
    this.net.close();
    rmSync(this.#state, { recursive: true });
    assert.deepEqual(this.#complaints, []);
  }
}
