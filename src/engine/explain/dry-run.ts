/**
 * A namespace for one packet: the engine decides in it as it would, and nothing of that is real. What the packet path looks up is copied from the real
 * namespace at the moment when it is looked up, so that the explanation needs no rules of its own: it tells which look-ups there were.
 */
import { AF_INET, AF_INET6, type Family } from '../../wire/inet.js';
import type { Packet } from '../../wire/packet.js';
import { AppConn } from '../app.js';
import { C_CONTROL, C_DEST, C_EXPIRES, C_FLAGS, HOT_SHIFT, NO_CONN } from '../conn-layout.js';
import { type ConnKey, ConnTable } from '../conn-table.js';
import { type Conntrack, CtTable } from '../ct-table.js';
import { Dest } from '../dest.js';
import { CONN_F_CARRIED } from '../flags.js';
import type { Host, Route } from '../host.js';
import { Net } from '../net.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { RealServerTable } from '../real-server-table.js';
import type { Scheduler } from '../scheduler.js';
import { Service } from '../service.js';
import { ServiceTable } from '../service-table.js';
import { SYNC_STATE_BACKUP } from '../sync/daemon.js';
import { duplicate } from './duplicate.js';

/** Connections of a dry run at most: those of one packet, with their templates. */
const CONNS = 256;

/** Thrown out of a dry run that cannot go on: what decides next does not tell what it would do. */
export class Undecided extends Error {}

/** Told of what the engine does in a dry run, in order. Connections are numbers of the dry run's own table; services and dests the real ones. */
export interface Observer {
  foundConn(protocol: number, family: Family, source: Int32Array, target: Int32Array, ports: number): void;
  foundTemplate(key: ConnKey, c: number): void;
  refusedTemplate(c: number): void;
  foundService(
    by: 'fwmark' | 'address',
    family: Family,
    protocol: number,
    words: Int32Array,
    number: number,
    svc: Service | undefined,
  ): void;
  foundServer(family: Family, words: Int32Array, port: number, dest: Dest | undefined): void;
  /** A scheduler is asked. @returns what it chooses. @throws Undecided */
  choose(svc: Service, packet: Packet, iph: Parameters<Scheduler['schedule']>[2]): Dest | null;
  /** Connection `c` is about to be filled in. */
  madeConn(c: number): void;
  refusedConn(): void;
  /** Connection `c` is about to be taken away. */
  released(c: number): void;
  transmitted(packet: Packet, route: Route): void;
  icmpSent(type: number, code: number, info: number): void;
}

/** The dry run's namespace and what was copied into it. */
export class DryRun {
  readonly net: Net;
  readonly #real: NetnsIpvs;
  readonly #observer: Observer;
  readonly #services = new Map<Service, Service>();
  readonly #dests = new Map<Dest, Dest>();
  /** Real connections by number, with their copies. */
  readonly borrowed = new Map<number, number>();

  constructor(real: NetnsIpvs, observer: Observer) {
    this.#real = real;
    this.#observer = observer;
    const conns = new BorrowedConns(this, real, observer);
    this.net = new Net({
      host: witness(real.net.host, observer),
      // tells of the packet's own copies only, so any will do
      random: () => 0,
      hz: real.net.hz,
      connLimit: CONNS,
      schedulers: real.schedulers,
      ftpPorts: real.appList.filter(({ app }) => app.name === 'ftp').map(({ port }) => port),
      tables: {
        conns,
        services: new BorrowedServices(this, real.services, observer),
        realServers: new BorrowedServers(this, real.realServers, observer),
        conntracks: new BorrowedTracks(real),
      },
    });
    this.net.jiffies = real.net.jiffies;
    copySettings(real, this.net.ipvs);
  }

  /** The copy of a service; its scheduler asks the observer. */
  service(real: Service): Service {
    const known = this.#services.get(real);
    if (known !== undefined) return known;
    const copy = new Service(real);
    const { flags, timeout, netmask, pe, conntrack, options, ownTimeouts, scheduler } = real;
    Object.assign(copy, { flags, timeout, netmask, pe, conntrack, options, ownTimeouts });
    copy.scheduler = scheduler && {
      name: scheduler.name,
      schedule: (_svc, packet, iph) => {
        const chosen = this.#observer.choose(real, packet, iph);
        return chosen && this.dest(chosen);
      },
    };
    this.#services.set(real, copy);
    return copy;
  }

  /** The copy of a dest, with that of its service. */
  dest(real: Dest): Dest {
    const known = this.#dests.get(real);
    if (known !== undefined) return known;
    const svc = real.svc === null ? null : this.service(real.svc);
    const copy = new Dest(real.index, svc ?? new Service(serviceOf(real)), real.addr, real.port);
    Object.assign(copy, { ...real, svc, stats: copy.stats });
    this.net.ipvs.dests[real.index] = copy;
    this.#dests.set(real, copy);
    return copy;
  }

  /** The copy of a connection, with its dest, its template and what helps it. */
  conn(real: number): number {
    const known = this.borrowed.get(real);
    if (known !== undefined) return known;
    const { ipvs } = this.net;
    const conns = ipvs.conns as BorrowedConns;
    // as a listing does: what is known of a carried connection is brought up to date, and it stays where it is
    if ((this.#real.conns.hot[(real << HOT_SHIFT) + C_FLAGS]! & CONN_F_CARRIED) !== 0)
      this.#real.fastPath?.settle(real);
    const c = conns.borrow(real);
    // more than one packet can touch: nobody could tell what becomes of it
    if (c === NO_CONN) throw new Undecided('too many connections');
    this.borrowed.set(real, c);
    const h = c << HOT_SHIFT;
    const { hot } = conns;
    hot[h + C_FLAGS] = hot[h + C_FLAGS]! & ~CONN_F_CARRIED;
    if (hot[h + C_CONTROL] !== 0) hot[h + C_CONTROL] = this.conn(hot[h + C_CONTROL]! - 1) + 1;
    if (hot[h + C_DEST] !== 0) this.dest(this.#real.dests[hot[h + C_DEST]! - 1]!);
    ipvs.connTimers.set(c, hot[h + C_EXPIRES]!);
    const pe = this.#real.peData.get(real);
    if (pe !== undefined) ipvs.peData.set(c, pe);
    const seq = this.#real.syncSeq.get(real);
    if (seq !== undefined) ipvs.syncSeq.set(c, duplicate(seq));
    const helped = this.#real.appConns.get(real);
    if (helped !== undefined) ipvs.appConns.set(c, this.#helped(helped));
    return c;
  }

  #helped(real: AppConn): AppConn {
    const { protocol, port } = real.inc;
    const inc = this.net.ipvs.protoData[protocol]?.apps.get(port);
    if (inc === undefined || inc.app !== real.inc.app)
      throw new Undecided(`application ${real.inc.app.name}`);
    const { data, inSeq, outSeq, diff } = real;
    return Object.assign(new AppConn(inc), {
      data,
      inSeq: duplicate(inSeq),
      outSeq: duplicate(outSeq),
      diff,
    });
  }
}

/** Connections as they are looked up: first those of the real table come over, then the dry run's own are searched. */
class BorrowedConns extends ConnTable {
  readonly #run: DryRun;
  readonly #real: ConnTable;
  readonly #observer: Observer;
  #borrowing = false;
  #made = 0;

  constructor(run: DryRun, real: NetnsIpvs, observer: Observer) {
    super(CONNS, () => 0x9e37_79b1);
    this.#run = run;
    this.#real = real.conns;
    this.#observer = observer;
    this.noCport = this.#real.noCport;
  }

  borrow(real: number): number {
    this.#borrowing = true;
    const c = this.copyOf(this.#real, real);
    this.#borrowing = false;
    return c;
  }

  override alloc(): number {
    if (this.#borrowing) return super.alloc();
    if (this.#real.count + this.#made >= this.#real.limit) {
      this.#observer.refusedConn();
      return NO_CONN;
    }
    this.#made++;
    const c = super.alloc();
    if (c === NO_CONN) throw new Undecided('too many connections');
    this.#observer.madeConn(c);
    return c;
  }

  override find4(protocol: number, saddr: number, daddr: number, ports: number): void {
    this.#real.find4(protocol, saddr, daddr, ports);
    this.#bring();
    super.find4(protocol, saddr, daddr, ports);
    this.#observer.foundConn(
      protocol,
      AF_INET,
      Int32Array.of(saddr, 0, 0, 0),
      Int32Array.of(daddr, 0, 0, 0),
      ports,
    );
  }

  override find6(protocol: number, saddr: Int32Array, daddr: Int32Array, ports: number): void {
    this.#real.find6(protocol, saddr, daddr, ports);
    this.#bring();
    super.find6(protocol, saddr, daddr, ports);
    this.#observer.foundConn(protocol, AF_INET6, saddr, daddr, ports);
  }

  #bring(): void {
    if (this.#real.foundIn !== NO_CONN) this.#run.conn(this.#real.foundIn);
    if (this.#real.foundOut !== NO_CONN) this.#run.conn(this.#real.foundOut);
  }

  override findTemplate(key: ConnKey, accept: (c: number) => boolean): number {
    this.#real.findTemplate(key, (c) => accept(this.#run.conn(c)));
    const c = super.findTemplate(key, accept);
    this.#observer.foundTemplate(key, c);
    return c;
  }

  override rekey(c: number, cport: number, vport: number, dport: number): void {
    if (vport === 0xffff && dport === 0xffff) this.#observer.refusedTemplate(c);
    super.rekey(c, cport, vport, dport);
  }

  override release(c: number): void {
    this.#observer.released(c);
    super.release(c);
  }
}

/** What tracking knows, as it is looked up. */
class BorrowedTracks extends CtTable {
  readonly #real: CtTable;
  readonly #borrowed = new Set<Conntrack>();

  constructor(real: NetnsIpvs) {
    super(real.net.hz);
    this.#real = real.conntracks;
  }

  override peek(family: Family, src: Int32Array, dst: Int32Array, ports: number): Conntrack | undefined {
    const { direction } = this.#real;
    const real = this.#real.peek(family, src, dst, ports);
    this.#real.direction = direction;
    if (real !== undefined && !this.#borrowed.has(real)) {
      this.#borrowed.add(real);
      this.link(duplicate(real));
    }
    return super.peek(family, src, dst, ports);
  }
}

class BorrowedServices extends ServiceTable {
  readonly #run: DryRun;
  readonly #real: ServiceTable;
  readonly #observer: Observer;

  constructor(run: DryRun, real: ServiceTable, observer: Observer) {
    super();
    this.#run = run;
    this.#real = real;
    this.#observer = observer;
  }

  override findMark(family: Family, fwmark: number): Service | undefined {
    const svc = this.#real.findMark(family, fwmark);
    this.#observer.foundService('fwmark', family, 0, new Int32Array(4), fwmark, svc);
    return svc && this.#run.service(svc);
  }

  override findAddress(
    family: Family,
    protocol: number,
    words: Int32Array,
    port: number,
  ): Service | undefined {
    const svc = this.#real.findAddress(family, protocol, words, port);
    this.#observer.foundService('address', family, protocol, words.slice(), port, svc);
    return svc && this.#run.service(svc);
  }
}

class BorrowedServers extends RealServerTable {
  readonly #run: DryRun;
  readonly #real: RealServerTable;
  readonly #observer: Observer;

  constructor(run: DryRun, real: RealServerTable, observer: Observer) {
    super();
    this.#run = run;
    this.#real = real;
    this.#observer = observer;
  }

  override findReal(family: Family, protocol: number, words: Int32Array, port: number): Dest | undefined {
    return this.#bring(this.#real.findReal(family, protocol, words, port), family, words, port);
  }

  override findTunnel(family: Family, words: Int32Array, port: number): Dest | undefined {
    return this.#bring(this.#real.findTunnel(family, words, port), family, words, port);
  }

  #bring(dest: Dest | undefined, family: Family, words: Int32Array, port: number): Dest | undefined {
    this.#observer.foundServer(family, words.slice(), port, dest);
    return dest && this.#run.dest(dest);
  }
}

/** The real host, of which only questions are asked; what it is told to send is told to the observer instead. */
function witness(host: Host, observer: Observer): Host {
  return {
    get routeGeneration() {
      return host.routeGeneration;
    },
    route: (daddr) => host.route(daddr),
    addrType: (addr) => host.addrType(addr),
    isLocal: (family, words, at) => host.isLocal(family, words, at),
    unprivilegedPortStart: host.unprivilegedPortStart,
    availablePages: () => host.availablePages(),
    interfaceMtu: (name) => host.interfaceMtu(name),
    transmit: (packet, route) => observer.transmitted(packet, route),
    icmpSend: (_packet, type, code, info) => observer.icmpSent(type, code, info),
    updatePmtu: () => {},
    openSyncSender: () => ({ send: () => true, close: () => {} }),
    openSyncReceiver: () => ({ close: () => {} }),
  };
}

/** What decides beside tables: sysctls, timeouts, defence, counts of kinds of services. */
function copySettings(real: NetnsIpvs, own: NetnsIpvs): void {
  Object.assign(own.sysctls.values, real.sysctls.values);
  own.sysctls.syncPeriod = real.sysctls.syncPeriod;
  own.numServices = real.numServices;
  own.numServices6 = real.numServices6;
  own.ftpsvcCounter = real.ftpsvcCounter;
  own.nullsvcCounter = real.nullsvcCounter;
  own.connOutCounter = real.connOutCounter;
  own.mixedAddressFamilyDests = real.mixedAddressFamilyDests;
  own.ownTimeouts = real.ownTimeouts;
  own.portReusers = real.portReusers;
  own.mssClampers = real.mssClampers;
  own.hooksAfmask = real.hooksAfmask;
  own.dropRate = real.dropRate;
  own.dropCounter = real.dropCounter;
  own.conntrackUsers[0] = real.conntrackUsers[0];
  own.conntrackUsers[1] = real.conntrackUsers[1];
  // nobody is told of what is not real
  own.syncState = real.syncState & SYNC_STATE_BACKUP;
  // so that every look-up is seen
  own.shortWay = false;
  real.protoData.forEach((pd, protocol) => {
    const copy = own.protoData[protocol];
    if (pd === undefined || copy === undefined) return;
    copy.timeoutTable = pd.timeoutTable.slice();
    copy.stateTable = pd.stateTable;
  });
}

/** Identity of the service that a dest without one has belonged to. */
function serviceOf({ vaddr, protocol, vport, vfwmark }: Dest) {
  return { family: vaddr.family, protocol, addr: vaddr, port: vport, fwmark: vfwmark };
}
