/** A scheduler alone at work: services and dests as the control operations leave them, counters as the connections do. */
import { Dest } from '../../src/engine/dest.js';
import { DEST_F_AVAILABLE, DEST_F_OVERLOAD, IPPROTO_TCP } from '../../src/engine/flags.js';
import { IpHdr } from '../../src/engine/iphdr.js';
import type { Scheduler, SchedulerContext } from '../../src/engine/scheduler.js';
import { SchedulerRegistry } from '../../src/engine/schedulers/registry.js';
import { Service } from '../../src/engine/service.js';
import { AF_INET, anyAddr, type Family, parseInet } from '../../src/wire/inet.js';
import { Packet } from '../../src/wire/packet.js';

/** Time, randomness and sysctls of a play; all may be set. */
export class PlayContext implements SchedulerContext {
  jiffies = 0;
  readonly hz = 100;
  /** What `randomBelow` answers: the smallest number by default. */
  random: (n: number) => number = () => 0;
  /** In seconds. */
  readonly sysctls = new Map([
    ['lblc_expiration', 86_400],
    ['lblcr_expiration', 86_400],
  ]);

  randomBelow(n: number): number {
    return this.random(n);
  }

  sysctl(name: string): number {
    return this.sysctls.get(name)! * this.hz;
  }
}

/** One service with a scheduler, and real servers called 1 to 9: 10.2.0.11 to .19, or fd00:2::11 to ::19. */
export class SchedulerPlay {
  readonly ctx = new PlayContext();
  readonly svc: Service;
  readonly packet = new Packet(256);
  readonly iph = new IpHdr();
  private readonly registry = new SchedulerRegistry();
  private readonly known = new Map<number, Dest>();
  /** By number of connection its dest, as long as it is active. */
  private readonly conns: (Dest | null)[] = [];
  private readonly byMark: boolean;

  /** @param byMark a firewall-mark service: its dests have no port, and connections go to five virtual addresses in turn. */
  constructor(scheduler: string | Scheduler, flags = 0, family: Family = AF_INET, byMark = false) {
    const addr = byMark ? anyAddr(family) : virtualAddress(family, 0);
    this.svc = new Service({
      family,
      protocol: IPPROTO_TCP,
      addr,
      port: byMark ? 0 : 80,
      fwmark: byMark ? 7 : 0,
    });
    this.byMark = byMark;
    this.use(typeof scheduler === 'string' ? this.registry.get(scheduler)! : scheduler, flags);
  }

  get scheduler(): Scheduler {
    return this.svc.scheduler!;
  }

  /** Changes the scheduler and its flags (`ipvsadm -E`); the same scheduler keeps its state. */
  use(scheduler: Scheduler, flags: number): void {
    this.svc.flags = flags;
    if (scheduler === this.svc.scheduler) return;
    this.svc.scheduler?.doneService?.(this.svc, this.ctx);
    this.svc.schedData = undefined;
    scheduler.initService?.(this.svc, this.ctx);
    this.svc.scheduler = scheduler;
  }

  /** The real server of that number, once it was added. */
  dest(rs: number): Dest {
    return this.known.get(rs)!;
  }

  /** Adds a real server; one that was removed comes back as the same object, as from the trash. */
  add(rs: number, weight: number, uThreshold = 0): Dest {
    let dest = this.known.get(rs);
    if (dest === undefined) {
      const addr = parseInet(this.svc.family === AF_INET ? `10.2.0.1${rs}` : `fd00:2::1${rs}`)!;
      dest = new Dest(rs, this.svc, addr, this.byMark ? 0 : 80);
      this.known.set(rs, dest);
    }
    dest.lastWeight = weight;
    configure(dest, weight, uThreshold);
    this.svc.destinations.unshift(dest);
    this.scheduler.addDest?.(this.svc, dest, this.ctx);
    return dest;
  }

  edit(rs: number, weight: number, uThreshold = 0): void {
    const dest = this.dest(rs);
    if (weight !== 0) dest.lastWeight = weight;
    configure(dest, weight, uThreshold);
    this.scheduler.updDest?.(this.svc, dest, this.ctx);
  }

  del(rs: number): void {
    const dest = this.dest(rs);
    const index = this.svc.destinations.indexOf(dest);
    dest.flags &= ~DEST_F_AVAILABLE;
    this.svc.destinations.splice(index, 1);
    this.scheduler.delDest?.(this.svc, dest, index, this.ctx);
  }

  /**
   * Lets a new connection come, the next of 24 clients from a port of its own, and counts it where it was sent.
   * @param seen called with the choice before the connection counts.
   */
  connect(protocol = IPPROTO_TCP, seen?: (chosen: Dest | null) => void): Dest | null {
    const n = this.conns.length;
    this.header(n, protocol);
    const dest = this.scheduler.schedule(this.svc, this.packet, this.iph, this.ctx);
    seen?.(dest);
    this.conns.push(protocol === IPPROTO_TCP ? dest : null);
    if (dest !== null) {
      dest.totalconns++;
      if (protocol === IPPROTO_TCP) dest.activeconns++;
      if (dest.uThreshold !== 0 && dest.totalconns >= dest.uThreshold) dest.flags |= DEST_F_OVERLOAD;
    }
    return dest;
  }

  /** Writes the first packet of connection `n` into `packet` and `iph`. */
  header(n: number, protocol = IPPROTO_TCP): void {
    const { family } = this.svc;
    const { iph, packet } = this;
    const header = family === AF_INET ? 20 : 40;
    packet.load(new Uint8Array(header + 20));
    iph.family = family;
    iph.protocol = protocol;
    iph.off = 0;
    iph.len = header;
    iph.inverse = false;
    iph.saddr.set(clientAddress(family, n).words);
    iph.daddr.set(virtualAddress(family, this.byMark ? n % 5 : 0).words);
    packet.view.setUint16(packet.data + header, 40_000 + n);
    packet.view.setUint16(packet.data + header + 2, 80);
  }

  /** Writes, into `packet` and `iph`, an ICMP error about the answer to connection `n`: of the answer it holds 24 bytes. */
  inverseHeader(n: number): void {
    const { iph, packet } = this;
    this.header(n);
    packet.load(new Uint8Array(28 + 24));
    const client = iph.saddr.slice();
    iph.saddr.set(iph.daddr);
    iph.daddr.set(client);
    iph.inverse = true;
    iph.off = 28;
    iph.len = 48;
    packet.view.setUint16(packet.data + 48, 80);
    packet.view.setUint16(packet.data + 50, 40_000 + n);
  }

  /** The client ends connection `n` (counted from 0): it stays, inactive. */
  finish(n: number): void {
    const dest = this.conns[n];
    if (dest === null || dest === undefined) return;
    dest.activeconns--;
    this.conns[n] = null;
  }

  /** All connections end. */
  forget(): void {
    for (const dest of this.known.values()) {
      dest.activeconns = 0;
      dest.totalconns = 0;
      dest.flags &= ~DEST_F_OVERLOAD;
    }
    this.conns.fill(null);
  }

  wait(seconds: number): void {
    this.ctx.jiffies = (this.ctx.jiffies + seconds * this.ctx.hz) | 0;
  }
}

function configure(dest: Dest, weight: number, uThreshold: number): void {
  dest.weight = weight;
  dest.flags |= DEST_F_AVAILABLE;
  if (uThreshold === 0 || uThreshold > dest.uThreshold) dest.flags &= ~DEST_F_OVERLOAD;
  dest.uThreshold = uThreshold;
}

function clientAddress(family: Family, n: number) {
  return parseInet(`${family === AF_INET ? '10.1.0.' : 'fd00:1::'}${10 + (n % 24)}`)!;
}

function virtualAddress(family: Family, n: number) {
  return parseInet(`${family === AF_INET ? '10.1.0.' : 'fd00:1::'}${100 + n}`)!;
}
