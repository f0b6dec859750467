/** One scenario's own network: two fresh namespaces, the director's and that of everybody around it. */
import { writeFileSync } from 'node:fs';
import type { EmittedPacket } from '../../../src/datapath/scenario/format.js';
import type { HostSpec, InterfaceSpec, Topology } from '../../../src/datapath/scenario/topology.js';
import { closeFd } from '../../../src/linux/fd.js';
import { must } from './command.js';
import { fromFrame, leavePartialChecksum, toFrame } from './frame.js';
import { Link } from './link.js';
import { disableOffloads } from './offloads.js';
import { currentNetns, enterNetns, interfaceIndex, newNetns, now } from './system.js';
import { DIRECTOR_SYSCTLS, directorCommands, farEnd, wiredInterfaces } from './topology.js';

/** A packet that the director sent. */
export type Seen = Pick<EmittedPacket, 'to' | 'side' | 'mac' | 'hex'>;

/** The main thread is in the director's namespace from construction to {@link World.close}. */
export class World {
  /** When the director's namespace was made: its timers count from here. */
  readonly created: number;
  readonly #topology: Topology;
  readonly #home = currentNetns();
  readonly #far: number;
  readonly #director: number;
  readonly #links = new Map<InterfaceSpec, Link>();
  /** Host names by MAC address. */
  readonly #names: ReadonlyMap<string, string>;
  /** The mark that what enters by an interface gets, where it is not 0. */
  readonly #marks = new Map<string, number>();

  constructor(topology: Topology) {
    this.#topology = topology;
    this.#names = new Map(topology.hosts.map(({ mac, name }) => [mac, name]));
    const wired = wiredInterfaces(topology);
    this.#far = newNetns();
    must('ip link set lo up');
    // the far ends are wires, not hosts: they must not speak
    writeNetSysctl('ipv6/conf/all/disable_ipv6', 1);
    writeNetSysctl('ipv6/conf/default/disable_ipv6', 1);
    this.#director = newNetns();
    this.created = now();
    for (const [path, value] of DIRECTOR_SYSCTLS) writeNetSysctl(path, value);
    const far = `/proc/${process.pid}/fd/${this.#far}`;
    must('ip -batch -', `${directorCommands(topology, far).join('\n')}\n`);
    for (const { name } of wired) disableOffloads(name);
    enterNetns(this.#far);
    must('ip -batch -', wired.map(({ name }) => `link set ${farEnd(name)} up\n`).join(''));
    for (const spec of wired) this.#links.set(spec, new Link(interfaceIndex(farEnd(spec.name))));
    enterNetns(this.#director);
  }

  /** Puts `packet` on the wire as sent by the host `from`; it gets the firewall mark `mark` where it enters the director. */
  send(packet: Uint8Array, from: string, mark: number, offload: boolean): void {
    const { spec, link, host } = this.#station(from);
    this.#setMark(spec.name, mark);
    const frame = toFrame(packet, hex(host.mac), hex(spec.mac!));
    link.send(frame, offload ? leavePartialChecksum(frame) : undefined);
  }

  /** What the director has sent since the last call: interface by interface, each in order. */
  receive(): Seen[] {
    const seen: Seen[] = [];
    for (const [spec, link] of this.#links) {
      for (let frame = link.receive(); frame; frame = link.receive()) {
        const content = fromFrame(frame);
        if (!content) continue;
        const mac = content.destination.match(/../g)!.join(':');
        const multicast = (Number.parseInt(mac, 16) & 1) !== 0;
        const to = this.#names.get(mac) ?? (multicast ? 'mcast' : content.destination);
        seen.push({
          to,
          side: spec.side ?? spec.name,
          mac,
          hex: Buffer.from(content.packet).toString('hex'),
        });
      }
    }
    return seen;
  }

  /** Leaves the namespaces; they go away with what is in them. */
  close(): void {
    for (const link of this.#links.values()) link.close();
    enterNetns(this.#home);
    for (const fd of [this.#home, this.#far, this.#director]) closeFd(fd);
  }

  #station(name: string): { spec: InterfaceSpec; link: Link; host: HostSpec } {
    const host = this.#topology.hosts.find((h) => h.name === name);
    for (const [spec, link] of this.#links) {
      if (host && spec.name === host.interface) return { spec, link, host };
    }
    throw new Error(`no host named ${name}`);
  }

  #setMark(device: string, mark: number): void {
    const current = this.#marks.get(device) ?? 0;
    if (mark === current) return;
    if (current !== 0) must(`tc qdisc del dev ${device} clsact`);
    if (mark !== 0) {
      must(`tc qdisc add dev ${device} clsact`);
      must(`tc filter add dev ${device} ingress pref 1 protocol all matchall action skbedit mark ${mark}`);
    }
    this.#marks.set(device, mark);
  }
}

/** Sets a sysctl below /proc/sys/net in the current namespace. */
export function writeNetSysctl(path: string, value: number | string): void {
  writeFileSync(`/proc/sys/net/${path}`, `${value}\n`);
}

function hex(mac: string): string {
  return mac.replaceAll(':', '');
}
