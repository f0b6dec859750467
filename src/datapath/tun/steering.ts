/**
 * Which traffic goes through the TUN device: a pure function from the services and their real servers to policy routing rules. The rules stand in
 * front of everything else, the look-up of local addresses included, because a virtual address is usually one of the director's own.
 */
import type { Dest } from '../../engine/dest.js';
import {
  CONN_F_FWD_MASK,
  CONN_F_MASQ,
  CONN_F_TUNNEL,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '../../engine/flags.js';
import type { Service } from '../../engine/service.js';
import type { Rule, RuleAction } from '../../linux/rt-rule.js';
import { RT_TABLE_LOCAL, RTPROT_IPVSD } from '../../linux/rtnetlink.js';
import { AF_INET, type Family, type InetAddr, inet6, inetToString } from '../../wire/inet.js';

/** What steering needs to know of a dest. Dests in the trash count: connections of theirs may still live. */
export type SteeredDest = Pick<
  Dest,
  'addr' | 'port' | 'protocol' | 'connFlags' | 'vaddr' | 'vport' | 'vfwmark'
>;

/** What steering needs to know of a service. */
export type SteeredService = Pick<Service, 'family' | 'protocol' | 'addr' | 'port' | 'fwmark'> & {
  readonly destinations: readonly SteeredDest[];
};

/** Where the rules lead and stand. */
export interface SteeringLayout {
  /** Name of the TUN device. */
  readonly device: string;
  /** Routing table whose default route is the TUN device. */
  readonly table: number;
  /** Priority of the first rule; {@link RULE_PRIORITIES} of them are used. */
  readonly priority: number;
  /** Families that this machine has. */
  readonly families: readonly Family[];
  /** Routing table that leads to the TUN device of a firewall mark. */
  markTable(mark: number): number;
}

// places of the groups, from the layout's priority on
const FROM_TUN = 0;
const LINK_LOCAL = 1;
const MARKS = 2;
const REPLIES = 3;
const SERVICES_START = 6;
const SERVICES = 7;
const ICMP_START = 10;
const ICMP_IN = 11;
const LOCAL = 12;
const FORWARD_START = 13;
const ICMP_FORWARD = 14;
const END = 15;

/** How many priorities the rules take up. */
export const RULE_PRIORITIES = 16;

/** Protocols that a firewall mark may stand for. */
const MARKED_PROTOCOLS = [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP];

/** Ports of one address and protocol; `any` when all of them are steered. */
interface Flow {
  readonly address: InetAddr;
  readonly protocol: number;
  readonly ports: Set<number>;
}

class Flows {
  readonly #flows = new Map<string, Flow>();

  /** @param port 0 for every port. */
  add(address: InetAddr, protocol: number, port: number): void {
    const key = `${inetToString(address)} ${protocol}`;
    const flow = this.#flows.get(key);
    if (flow === undefined) this.#flows.set(key, { address, protocol, ports: new Set([port]) });
    else flow.ports.add(port);
  }

  get all(): Iterable<Flow> {
    return this.#flows.values();
  }
}

/** The rules for these services and the dests in the trash; no two are equal, and their order does not matter. */
export function steeringRules(
  services: Iterable<SteeredService>,
  trash: Iterable<SteeredDest>,
  layout: SteeringLayout,
): Rule[] {
  const virtual = new Flows();
  const replies = new Flows();
  const marks = new Map<string, { family: Family; mark: number }>();
  const dests: SteeredDest[] = [...trash];
  const addMark = (family: Family, mark: number): void => {
    marks.set(`${family} ${mark}`, { family, mark });
  };
  for (const service of services) {
    if (service.fwmark !== 0) addMark(service.family, service.fwmark);
    else virtual.add(service.addr, service.protocol, service.port);
    dests.push(...service.destinations);
  }
  for (const dest of dests) {
    if (dest.vfwmark !== 0) addMark(dest.vaddr.family, dest.vfwmark);
    else virtual.add(dest.vaddr, dest.protocol, dest.vport);
    if ((dest.connFlags & CONN_F_FWD_MASK) !== CONN_F_MASQ) continue;
    const protocols = dest.vfwmark === 0 ? [dest.protocol] : MARKED_PROTOCOLS;
    // a service on every port hands the client's port on
    const port = dest.vfwmark === 0 && dest.vport === 0 ? 0 : dest.port || dest.vport;
    for (const protocol of protocols) replies.add(dest.addr, protocol, port);
  }
  const rules = layout.families.flatMap((family) => frame(family, layout));
  for (const { family, mark } of marks.values()) {
    rules.push({ ...base(family, layout, MARKS, { table: layout.markTable(mark) }), fwmark: mark });
  }
  for (const flow of replies.all) rules.push(...flowRules(flow, layout, REPLIES, SERVICES_START));
  for (const flow of virtual.all) rules.push(...flowRules(flow, layout, SERVICES, ICMP_START));
  for (const family of layout.families)
    rules.push(...icmpRules(family, layout, virtual, dests, marks.size > 0));
  return rules.filter((rule) => layout.families.includes(rule.family));
}

function base(family: Family, layout: SteeringLayout, group: number, action: RuleAction): Rule {
  return { family, priority: layout.priority + group, action, protocol: RTPROT_IPVSD };
}

function jump(family: Family, layout: SteeringLayout, group: number, target: number): Rule {
  return base(family, layout, group, { goto: layout.priority + target });
}

/** What stands there whatever the services are. */
function frame(family: Family, layout: SteeringLayout): Rule[] {
  const rules: Rule[] = [
    // what the director has handled must not come to it again
    { ...jump(family, layout, FROM_TUN, LOCAL), iif: layout.device },
    base(family, layout, SERVICES_START, 'nop'),
    // pings and errors of this host choose their source address by the ordinary routes
    { ...jump(family, layout, ICMP_START, LOCAL), iif: 'lo' },
    base(family, layout, LOCAL, { table: RT_TABLE_LOCAL }),
    { ...jump(family, layout, FORWARD_START, END), iif: 'lo' },
    { ...jump(family, layout, FORWARD_START, END), iif: layout.device },
    base(family, layout, END, 'nop'),
  ];
  if (family !== AF_INET) {
    // neighbour discovery asks from link-local addresses and works only on the interface where it came in
    const from = { address: inet6(0xfe800000, 0, 0, 0), length: 10 };
    rules.push({ ...jump(family, layout, LINK_LOCAL, LOCAL), from });
  }
  return rules;
}

/**
 * The rules of one address and protocol. Fragments carry no ports for a rule to look at: after the steered ports, all other ports
 * leave for `elsewhere`, and what remains are the fragments.
 */
function flowRules(flow: Flow, layout: SteeringLayout, group: number, elsewhere: number): Rule[] {
  const { address, protocol, ports } = flow;
  const prefix = { address, length: address.family === AF_INET ? 32 : 128 };
  const select = { ...(group === REPLIES ? { from: prefix } : { to: prefix }), ipProto: protocol };
  const everything: Rule = { ...base(address.family, layout, group + 2, { table: layout.table }), ...select };
  if (ports.has(0)) return [everything];
  const range = (first: number, last: number): Partial<Rule> =>
    group === REPLIES ? { sport: [first, last] } : { dport: [first, last] };
  return [
    ...[...ports].map((port) => ({
      ...base(address.family, layout, group, { table: layout.table }),
      ...select,
      ...range(port, port),
    })),
    // the kernel takes no range that ends at 65535; that port goes the way of the fragments, and comes back
    { ...jump(address.family, layout, group + 1, elsewhere), ...select, ...range(1, 65_534) },
    everything,
  ];
}

/**
 * Errors about steered traffic come to the virtual addresses (from the network, about answers), to the director's own addresses (about
 * tunnels), and pass by (about packets that were translated or marked). Rules cannot see ICMP types, so all ICMP of that way is steered.
 */
function icmpRules(
  family: Family,
  layout: SteeringLayout,
  virtual: Flows,
  dests: readonly SteeredDest[],
  marked: boolean,
): Rule[] {
  const ipProto = family === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  const method = (wanted: number): boolean =>
    dests.some((dest) => dest.addr.family === family && (dest.connFlags & CONN_F_FWD_MASK) === wanted);
  const rules: Rule[] = [];
  const incoming = { ...base(family, layout, ICMP_IN, { table: layout.table }), ipProto };
  // only for IPv4 does IPVS look into errors about tunnels
  if (family === AF_INET && method(CONN_F_TUNNEL)) rules.push(incoming);
  else {
    const seen = new Set<string>();
    for (const { address } of virtual.all) {
      const text = inetToString(address);
      if (address.family !== family || seen.has(text)) continue;
      seen.add(text);
      rules.push({ ...incoming, to: { address, length: family === AF_INET ? 32 : 128 } });
    }
  }
  if (marked || method(CONN_F_MASQ)) {
    rules.push({ ...base(family, layout, ICMP_FORWARD, { table: layout.table }), ipProto });
  }
  return rules;
}
