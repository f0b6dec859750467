/** What would become of a packet that came now, without its coming (`Net.receive` in a dry run, with a witness). */
import { type Family, inetFromWords, inetToString } from '../../wire/inet.js';
import { Packet } from '../../wire/packet.js';
import { destOf } from '../conn.js';
import { connRow, protocolName } from '../conn-list.js';
import { C_EXPIRES, C_FLAGS, C_TIMEOUT, type ConnKey, HOT_SHIFT, NO_CONN } from '../conn-table.js';
import type { Dest } from '../dest.js';
import { fillIphdr } from '../fill-iphdr.js';
import { CONN_F_FWD_MASK, CONN_F_TEMPLATE, CONN_F_TUNNEL } from '../flags.js';
import type { Route } from '../host.js';
import { IpHdr } from '../iphdr.js';
import type { Net } from '../net.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { FTP_PORT } from '../schedule.js';
import type { Scheduler, Weighing } from '../scheduler.js';
import { usable } from '../schedulers/load.js';
import type { Service } from '../service.js';
import { NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../verdict.js';
import { DryRun, type Observer, Undecided } from './dry-run.js';
import type { ExplainStep, Explanation, SentIcmp, SentPacket, WeighedServer } from './explanation.js';
import { icmpName } from './icmp-name.js';
import { destName, endpoint, forwardName, serviceName } from './names.js';
import { outcomeOf } from './outcome.js';
import { packetView } from './packet-view.js';

const HOOKS = {
  [NF_INET_LOCAL_IN]: 'input',
  [NF_INET_FORWARD]: 'forward',
  [NF_INET_LOCAL_OUT]: 'output',
} as const;
const VERDICTS = ['drop', 'accept', 'steal'] as const;
const TUNNELS = ['ipip', 'gue', 'gre'] as const;

/** Where netfilter hands a packet over, by its addresses: made here, for this host, or passing. Marked ones are taken for the director's own. */
export function hookOf(net: Net, packet: Packet): number {
  const iph = new IpHdr();
  if (!fillIphdr(packet, iph)) return NF_INET_FORWARD;
  if (net.host.isLocal(iph.family, iph.saddr, 0)) return NF_INET_LOCAL_OUT;
  return packet.mark !== 0 || net.host.isLocal(iph.family, iph.daddr, 0) ? NF_INET_LOCAL_IN : NF_INET_FORWARD;
}

/**
 * Explains a packet. Neither the namespace nor the packet is changed.
 * @param hook as for {@link Net.receive}.
 */
export function explain(net: Net, packet: Packet, hook: number): Explanation {
  return new Explainer(net, packet, hook).run();
}

/** One explanation in the making. */
class Explainer implements Observer {
  readonly #real: NetnsIpvs;
  readonly #packet: Packet;
  readonly #given: Packet;
  readonly #hook: number;
  readonly #run: DryRun;
  readonly #steps: ExplainStep[] = [];
  readonly #sent: SentPacket[] = [];
  readonly #icmp: SentIcmp[] = [];
  /** Steps about connections that are not finished, by the dry run's number. */
  readonly #unfinished = new Map<number, Extract<ExplainStep, { step: 'connection-made' }>>();
  /** The last connection that was found, with the state it was in. */
  #found:
    | { readonly c: number; readonly reply: boolean; readonly state: string; readonly gone: boolean }
    | undefined;

  constructor(net: Net, packet: Packet, hook: number) {
    this.#real = net.ipvs;
    this.#given = packet;
    this.#packet = copyPacket(packet);
    this.#hook = hook;
    this.#run = new DryRun(net.ipvs, this);
  }

  run(): Explanation {
    const p = this.#packet;
    const { net } = this.#run;
    const view = packetView(p) ?? { protocol: '?', source: '?', destination: '?', ttl: 0, length: p.len };
    const head = {
      packet: view,
      hook: HOOKS[this.#hook as keyof typeof HOOKS] ?? 'forward',
      fwmark: p.mark,
    } as const;
    const { dropCounter } = net.ipvs;
    let verdict: number | undefined;
    try {
      verdict = net.receive(p, this.#hook);
    } catch (error) {
      if (!(error instanceof Undecided)) throw error;
    }
    this.#finish(dropCounter);
    if (verdict === NF_ACCEPT && p.ipvsProperty && this.#found?.reply === true) this.#passOn('client');
    const outcome = outcomeOf({
      verdict,
      ipvs: net.ipvs,
      view: packetView(this.#given),
      hook: this.#hook,
      taken: p.ipvsProperty,
      steps: this.#steps,
      sent: this.#sent,
      icmp: this.#icmp,
      reply: this.#found?.reply === true,
      gone: this.#found?.gone === true,
    });
    return {
      ...head,
      steps: this.#steps,
      ...(verdict !== undefined && { verdict: VERDICTS[verdict]! }),
      outcome,
      sent: this.#sent,
      icmp: this.#icmp,
    };
  }

  foundConn(protocol: number, family: Family, source: Int32Array, target: Int32Array, ports: number): void {
    const { ipvs } = this.#run.net;
    const { foundIn, foundOut } = ipvs.conns;
    const c = foundOut !== NO_CONN ? foundOut : foundIn;
    const reply = foundOut !== NO_CONN;
    if (c !== NO_CONN) {
      const dest = destOf(ipvs, c);
      this.#found = { c, reply, state: this.#stateOf(c), gone: dest !== null && !dest.available };
    }
    this.#steps.push({
      step: 'connection-lookup',
      protocol: protocolName(protocol),
      source: inetToString(inetFromWords(family, source)),
      sourcePort: ports >>> 16,
      destination: inetToString(inetFromWords(family, target)),
      destinationPort: ports & 0xffff,
      found: c === NO_CONN ? 'none' : reply ? 'reply' : 'request',
      ...(c !== NO_CONN && { connection: connRow(ipvs, c) }),
    });
  }

  foundTemplate(key: ConnKey, c: number): void {
    const client = endpoint(key.family, key.caddr, key.cport);
    this.#steps.push({
      step: 'template-lookup',
      key: `${protocolName(key.protocol)} ${client} ${endpoint(key.family, key.vaddr, key.vport)}`,
      found: c !== NO_CONN,
      ...(c !== NO_CONN && { connection: connRow(this.#run.net.ipvs, c) }),
    });
  }

  refusedTemplate(c: number): void {
    const dest = destOf(this.#run.net.ipvs, c);
    this.#steps.push({
      step: 'template-refused',
      server: dest === null ? '' : destName(dest),
      why: dest?.available !== true ? 'removed' : dest.weight === 0 ? 'quiesced' : 'other-server',
    });
  }

  foundService(
    kind: 'fwmark' | 'address',
    family: Family,
    protocol: number,
    words: Int32Array,
    number: number,
    svc: Service | undefined,
  ): void {
    const { destinationPort, sourcePort } = packetView(this.#given) ?? {};
    const own = number === destinationPort || number === sourcePort;
    const wide = number === 0 ? 'any-port' : number === FTP_PORT ? 'ftp' : 'port';
    const addr = inetFromWords(family, words);
    this.#steps.push({
      step: 'service-lookup',
      by: kind === 'fwmark' ? 'fwmark' : own ? 'port' : wide,
      key: serviceName({
        family,
        protocol,
        addr,
        ...(kind === 'fwmark' ? { fwmark: number, port: 0 } : { fwmark: 0, port: number }),
      }),
      found: svc !== undefined,
      ...(svc !== undefined && { scheduler: svc.scheduler?.name ?? 'none', persistent: svc.persistent }),
    });
  }

  foundServer(family: Family, words: Int32Array, port: number, dest: Dest | undefined): void {
    this.#steps.push({
      step: 'server-lookup',
      address: inetToString(inetFromWords(family, words)),
      port,
      found: dest !== undefined,
      ...(dest?.svc && { service: serviceName(dest.svc) }),
    });
  }

  choose(svc: Service, packet: Packet, iph: IpHdr): Dest | null {
    const scheduler = svc.scheduler!;
    const weighing = scheduler.explain?.(svc, packet, iph, this.#real.schedulerContext);
    this.#steps.push(weighingStep(scheduler, svc, weighing));
    if (weighing?.chosen === undefined) throw new Undecided(scheduler.name);
    return weighing.chosen;
  }

  madeConn(c: number): void {
    // what it is is written into it from now on
    const step = {
      step: 'connection-made',
      template: false,
      connection: undefined as never,
      forward: '',
    } as const;
    this.#steps.push(step);
    this.#unfinished.set(c, step);
  }

  refusedConn(): void {
    this.#steps.push({ step: 'connection-refused', why: 'table-full' });
  }

  released(c: number): void {
    this.#describe(c);
  }

  transmitted(packet: Packet, route: Route): void {
    this.#send(packet, 'server', { nextHop: inetToString(route.nextHop), ifindex: route.ifindex });
  }

  icmpSent(type: number, code: number, info: number): void {
    const { family } = this.#run.net.ipvs.iph;
    const name = icmpName(family, type, code);
    this.#icmp.push({ type, code, name, ...(info !== 0 && { mtu: info }) });
  }

  /** The packet goes on in this host's own stack. */
  #passOn(to: 'client' | 'server'): void {
    this.#send(this.#packet, to, {});
  }

  #send(packet: Packet, to: 'client' | 'server', way: Partial<SentPacket>): void {
    const view = packetView(packet);
    if (view === undefined) return;
    const { ipvs } = this.#run.net;
    const c = this.#current();
    const flags = c === NO_CONN ? undefined : ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]!;
    const dest = c === NO_CONN ? null : destOf(ipvs, c);
    const tunnel =
      to === 'server' && dest !== null && flags !== undefined && (flags & CONN_F_FWD_MASK) === CONN_F_TUNNEL
        ? TUNNELS[dest.tunType]
        : undefined;
    this.#sent.push({
      packet: view,
      to,
      ...(flags !== undefined && { forward: forwardName(flags) }),
      ...way,
      ...(tunnel !== undefined && { tunnel }),
    });
  }

  /** The connection of the packet in work: the one that was made last, else the one that was found. */
  #current(): number {
    return [...this.#unfinished.keys()].at(-1) ?? this.#found?.c ?? NO_CONN;
  }

  #describe(c: number): void {
    const step = this.#unfinished.get(c);
    if (step === undefined) return;
    this.#unfinished.delete(c);
    const { ipvs } = this.#run.net;
    const flags = ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]!;
    step.template = (flags & CONN_F_TEMPLATE) !== 0;
    step.connection = connRow(ipvs, c);
    step.forward = forwardName(flags);
  }

  #stateOf(c: number): string {
    return connRow(this.#run.net.ipvs, c).state;
  }

  /** Adds what only shows at the end. */
  #finish(dropCounter: number): void {
    const { ipvs } = this.#run.net;
    const { hot } = ipvs.conns;
    // asked once, as soon as the service is known
    const at = this.#steps.findLastIndex((s) => s.step === 'service-lookup' && s.found);
    if (ipvs.dropRate !== 0 && at >= 0) {
      const step = { step: 'drop-packet', rate: ipvs.dropRate, counter: dropCounter } as const;
      this.#steps.splice(at + 1, 0, { ...step, dropped: dropCounter <= 1 });
    }
    for (const c of [...this.#unfinished.keys()]) this.#describe(c);
    const found = this.#found;
    if (found === undefined || !ipvs.conns.isUsed(found.c)) return;
    const h = found.c << HOT_SHIFT;
    const to = this.#stateOf(found.c);
    const ends = hot[h + C_EXPIRES] === ipvs.net.jiffies && hot[h + C_TIMEOUT] !== 0;
    if (ends) this.#steps.push({ step: 'connection-ends', connection: connRow(ipvs, found.c) });
    else if (to !== found.state) {
      this.#steps.push({
        step: 'state',
        from: found.state,
        to,
        timeout: Math.floor(hot[h + C_TIMEOUT]! / ipvs.net.hz),
      });
    }
  }
}

function weighingStep(scheduler: Scheduler, svc: Service, weighing: Weighing | undefined): ExplainStep {
  const chosen = weighing?.chosen;
  return {
    step: 'scheduler',
    scheduler: scheduler.name,
    ...(weighing !== undefined && { rule: weighing.rule }),
    figures: { ...weighing?.figures },
    servers: svc.destinations.map((dest) => weighedServer(dest, weighing)),
    ...(chosen !== undefined && { chosen: chosen === null ? null : destName(chosen) }),
  };
}

function weighedServer(dest: Dest, weighing: Weighing | undefined): WeighedServer {
  const excluded = dest.weight <= 0 ? 'quiesced' : 'overloaded';
  return {
    address: inetToString(dest.addr),
    port: dest.port,
    weight: dest.weight,
    activeConns: dest.activeconns,
    inactConns: dest.inactconns,
    persistConns: dest.persistconns,
    uThreshold: dest.uThreshold,
    lThreshold: dest.lThreshold,
    ...(!usable(dest) && { excluded }),
    figures: { ...weighing?.figuresOf?.(dest) },
    chosen: dest === weighing?.chosen,
  };
}

function copyPacket(packet: Packet): Packet {
  const { bytes, view: _view, ...rest } = packet;
  const copy = new Packet(bytes.length);
  copy.bytes.set(bytes.subarray(0, packet.data + packet.len));
  return Object.assign(copy, rest);
}
