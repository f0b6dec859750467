/** One scenario's own network: two fresh namespaces, the director's and that of everybody around it. */
import { writeFileSync } from 'node:fs';
import { closeFd } from '../../../src/linux/fd.js';
import { must } from './command.js';
import { fromFrame, leavePartialChecksum, toFrame } from './frame.js';
import { Link } from './link.js';
import { disableOffloads } from './offloads.js';
import { currentNetns, enterNetns, interfaceIndex, newNetns, now } from './system.js';
import {
  CLIENT_MAC,
  colons,
  DIRECTOR_MAC,
  DIRECTOR_SYSCTLS,
  directorCommands,
  NEIGHBOURS,
  type Side,
} from './topology.js';

const SIDES = ['c', 's'] as const;
const NAMES = new Map(NEIGHBOURS.map(({ mac, name }) => [mac, name]));
const MACS = new Map(NEIGHBOURS.map(({ mac, name }) => [name, mac]));

/** A packet that the director sent. */
export interface Seen {
  to: string;
  side: Side;
  mac: string;
  hex: string;
}

/** The agent's main thread is in the director's namespace from construction to {@link World.close}. */
export class World {
  /** When the director's namespace was made: its timers count from here. */
  readonly created: number;
  readonly #home = currentNetns();
  readonly #far: number;
  readonly #director: number;
  readonly #links: Record<Side, Link>;
  #mark = 0;

  constructor() {
    this.#far = newNetns();
    must('ip link set lo up');
    // the far ends are wires, not hosts: they must not speak
    writeNetSysctl('ipv6/conf/all/disable_ipv6', 1);
    writeNetSysctl('ipv6/conf/default/disable_ipv6', 1);
    this.#director = newNetns();
    this.created = now();
    for (const [path, value] of DIRECTOR_SYSCTLS) writeNetSysctl(path, value);
    must('ip -batch -', `${directorCommands(`/proc/${process.pid}/fd/${this.#far}`).join('\n')}\n`);
    for (const side of SIDES) disableOffloads(`${side}0`);
    enterNetns(this.#far);
    must('ip -batch -', 'link set fc up\nlink set fs up\n');
    this.#links = { c: new Link(interfaceIndex('fc')), s: new Link(interfaceIndex('fs')) };
    enterNetns(this.#director);
  }

  /** Puts `packet` on the wire as sent by `from`, with a firewall mark when it comes from a client. */
  send(packet: Uint8Array, from: string, mark: number, offload: boolean): void {
    const side = from === 'client' ? 'c' : 's';
    const source = from === 'client' ? CLIENT_MAC : MACS.get(from);
    if (source === undefined) throw new Error(`no host named ${from}`);
    this.#setMark(mark);
    const frame = toFrame(packet, source, DIRECTOR_MAC[side]);
    this.#links[side].send(frame, offload ? leavePartialChecksum(frame) : undefined);
  }

  /** What the director has sent since the last call: to the clients first, then to the servers. */
  receive(): Seen[] {
    const seen: Seen[] = [];
    for (const side of SIDES) {
      for (let frame = this.#links[side].receive(); frame; frame = this.#links[side].receive()) {
        const content = fromFrame(frame);
        if (!content) continue;
        const { mac, packet } = content;
        const multicast = (Number.parseInt(mac.slice(0, 2), 16) & 1) !== 0;
        const to = NAMES.get(mac) ?? (multicast ? 'mcast' : mac);
        seen.push({ to, side, mac: colons(mac), hex: Buffer.from(packet).toString('hex') });
      }
    }
    return seen;
  }

  /** Leaves the namespaces; they go away with what is in them. */
  close(): void {
    for (const side of SIDES) this.#links[side].close();
    enterNetns(this.#home);
    for (const fd of [this.#home, this.#far, this.#director]) closeFd(fd);
  }

  #setMark(mark: number): void {
    if (mark === this.#mark) return;
    if (this.#mark !== 0) must('tc qdisc del dev c0 clsact');
    if (mark !== 0) {
      must('tc qdisc add dev c0 clsact');
      must(`tc filter add dev c0 ingress pref 1 protocol all matchall action skbedit mark ${mark}`);
    }
    this.#mark = mark;
  }
}

/** Sets a sysctl below /proc/sys/net in the current namespace. */
export function writeNetSysctl(path: string, value: number | string): void {
  writeFileSync(`/proc/sys/net/${path}`, `${value}\n`);
}
