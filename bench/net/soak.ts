/**
 * Very many live connections through the TUN device: datagrams by NAT, and TCP by direct routing, from clients that do not exist to a real server that
 * swallows all.
 *
 *     client --- near director far --- server
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { Namespaces } from '../../test/e2e/namespaces.js';
import { ACK, SYN } from '../../test/support/packets.js';
import { residentMemory } from '../support/process-use.js';
import type { Figure } from '../support/report.js';
import { program } from './server.js';

const VIP = '192.0.2.1';
/** Nobody has this address: the director knows the server's link address by it. */
const RIP = '10.2.0.2';
const UDP_SERVICE = `-u ${VIP}:53`;
const TCP_SERVICE = `-t ${VIP}:80`;
/** Packets a second that are sent. */
const RATE = 60_000;
/** Passes over all flows: what a queue lost in one is made up for in the next, and the others are used again. */
const PASSES = 8;

/** The hosts and the daemon. */
class SoakLab {
  readonly #net = new Namespaces('soak');
  readonly #files = mkdtempSync(join(tmpdir(), 'ipvsd-soak-'));
  readonly #env = { ...process.env, IPVSD_SOCKET: join(this.#files, 'ipvsd.sock') };
  #daemon: ChildProcess | undefined;

  async open(): Promise<void> {
    const net = this.#net;
    for (const name of ['client', 'director', 'server']) {
      net.add(name);
      for (const scope of ['all', 'default']) net.sysctl(name, `net/ipv4/conf/${scope}/rp_filter`, 0);
    }
    net.connect('client', 'eth0', 'director', 'near');
    net.connect('director', 'far', 'server', 'eth0');
    net.address('client', 'eth0', '10.1.0.2/24');
    net.address('director', 'near', '10.1.0.1/24');
    net.address('director', 'far', '10.2.0.1/24');
    net.address('director', 'lo', `${VIP}/32`);
    net.sysctl('director', 'net/ipv4/ip_forward', 1);
    net.ip('client', `route add ${VIP} via 10.1.0.1`);
    const mac = net.exec('server', 'cat /sys/class/net/eth0/address').trim();
    net.ip('director', `neigh replace ${RIP} lladdr ${mac} dev far nud permanent`);
    const options = ['--socket', this.#env.IPVSD_SOCKET, '--log-level', 'warn'];
    const daemon = net.background('director', process.execPath, IPVSD, 'run', ...options);
    this.#daemon = daemon;
    await eventually('ipvsd does not come up', 15, () => {
      if (daemon.exitCode !== null) throw new Error(`it ended with code ${daemon.exitCode}`);
      return this.ipvsadm('-Ln');
    });
    this.ipvsadm(`-A ${UDP_SERVICE}`);
    this.ipvsadm(`-a ${UDP_SERVICE} -r ${RIP}:53 -m`);
    this.ipvsadm(`-A ${TCP_SERVICE}`);
    this.ipvsadm(`-a ${TCP_SERVICE} -r ${RIP}:80 -g`);
  }

  ipvsadm(args: string): string {
    return this.#run(IPVSADM, args);
  }

  ipvsd(args: string): string {
    return this.#run(IPVSD, args);
  }

  /** Sends packets of many flows. */
  send(port: number, flows: number, ...flags: number[]): void {
    const args = [VIP, port, flows, RATE, 0, ...flags].join(' ');
    this.#net.exec('client', `${process.execPath} ${program('flows')} ${args}`);
  }

  /** Connections by the services' counters: active and inactive. */
  count(): number {
    const rows = [...this.ipvsadm('-Ln').matchAll(/^ {2}-> \d.* (\d+) +(\d+) *$/gm)];
    return rows.reduce((sum, [, active, inactive]) => sum + Number(active) + Number(inactive), 0);
  }

  /** Connections in the list of that protocol and state, each of another client. */
  listed(protocol: string, state: string): number {
    const row = new RegExp(`^${protocol} +\\S+ +${state} +(\\S+)`, 'gm');
    return new Set([...this.ipvsadm('-Lnc').matchAll(row)].map(([, client]) => client)).size;
  }

  /** Resident memory of the daemon, bytes. */
  memory(): number {
    return residentMemory(this.#daemon!.pid!);
  }

  async close(): Promise<void> {
    if (this.#daemon?.kill('SIGTERM')) await once(this.#daemon, 'exit');
    this.#net.close();
    rmSync(this.#files, { recursive: true, force: true });
  }

  #run(file: string, args: string): string {
    const options = { encoding: 'utf8', env: this.#env, maxBuffer: 1 << 28, stdio: 'pipe' } as const;
    return execFileSync(process.execPath, [file, ...args.split(' ')], options);
  }
}

/**
 * Soaks the daemon.
 * @param flows connections of each kind. @param timeout of UDP, seconds: it must be enough to list them.
 * @throws when a connection is missing in the list, or stays when its time is over.
 */
export async function tunSoak(flows: number, timeout: number): Promise<Figure[]> {
  const lab = new SoakLab();
  try {
    await lab.open();
    lab.ipvsadm(`--set 0 0 ${timeout}`);
    return [...(await udpSoak(lab, flows, timeout)), ...(await tcpSoak(lab, flows))];
  } finally {
    await lab.close();
  }
}

async function udpSoak(lab: SoakLab, flows: number, timeout: number): Promise<Figure[]> {
  const before = lab.memory();
  const seconds = fill(lab, flows, () => lab.send(53, flows));
  const last = performance.now();
  const growth = lab.memory() - before;
  const { listed, listing } = list(lab, 'UDP', 'UDP');
  expect('UDP connections listed', listed, flows);
  // the kernel's timers fire late by up to an eighth
  await sleep(Math.max(0, timeout * 1125 + 1000 - (performance.now() - last)));
  expect('UDP connections after their timeout', lab.count(), 0);
  expect('UDP connections listed after their timeout', list(lab, 'UDP', 'UDP').listed, 0);
  return [
    { name: 'UDP connections by NAT, all in the list', value: listed, unit: '', target: flows },
    { name: 'opened and used in', value: seconds, unit: 's', note: `${RATE} packets a second` },
    { name: 'memory for each', value: growth / flows, unit: 'bytes', note: 'growth of the daemon' },
    { name: 'listing them', value: listing, unit: 's', note: 'ipvsadm -Lnc' },
    { name: `left ${timeout * 1.125 + 1} s later`, value: 0, unit: '', note: `timeout ${timeout} s` },
  ];
}

async function tcpSoak(lab: SoakLab, flows: number): Promise<Figure[]> {
  const before = lab.memory();
  const seconds = fill(lab, flows, () => lab.send(80, flows, SYN, ACK));
  const growth = lab.memory() - before;
  const { listed, listing } = list(lab, 'TCP', 'ESTABLISHED');
  expect('TCP connections listed', listed, flows);
  lab.ipvsd('sysctl expire_nodest_conn=1');
  const start = performance.now();
  lab.ipvsadm('-C');
  await eventually('connections stay without services', 10, () => {
    if (list(lab, 'TCP', '\\S+').listed > 0) throw new Error('some are listed');
  });
  return [
    {
      name: 'TCP connections by DR, all in the list',
      value: listed,
      unit: '',
      target: flows,
      note: 'ESTABLISHED',
    },
    { name: 'opened and used in', value: seconds, unit: 's', note: 'SYN and ACK' },
    { name: 'memory for each', value: growth / flows, unit: 'bytes', note: 'in the places of those before' },
    { name: 'listing them', value: listing, unit: 's', note: 'ipvsadm -Lnc' },
    {
      name: 'flushed in',
      value: (performance.now() - start) / 1000,
      unit: 's',
      note: 'ipvsadm -C with expire_nodest_conn, until the list is empty',
    },
  ];
}

/** Sends until all connections are there. @returns seconds that it took. */
function fill(lab: SoakLab, flows: number, send: () => void): number {
  const start = performance.now();
  // once more when all are there: they are to be used as well
  for (let pass = 0, full = false; !full; pass++) {
    if (pass === PASSES)
      throw new Error(`only ${lab.count()} of ${flows} connections after ${PASSES} passes`);
    full = pass > 0 && lab.count() === flows;
    send();
  }
  return (performance.now() - start) / 1000;
}

function list(lab: SoakLab, protocol: string, state: string): { listed: number; listing: number } {
  const start = performance.now();
  const listed = lab.listed(protocol, state);
  return { listed, listing: (performance.now() - start) / 1000 };
}

function expect(what: string, value: number, wanted: number): void {
  if (value !== wanted) throw new Error(`${what}: ${value}, and not ${wanted}`);
}
