/**
 * Which traffic goes through the TUN device: a pure function from what services ask for to policy routing rules. They stand in
 * front of everything else, the look-up of local addresses included, because a virtual address is usually one of the director's own.
 */
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../../engine/flags.js';
import type { Rule } from '../../linux/rt-rule.js';
import { RT_TABLE_LOCAL } from '../../linux/rtnetlink.js';
import { AF_INET, type Family, inet6 } from '../../wire/inet.js';
import { answerRules } from './answer-rules.js';
import {
  base,
  END,
  FORWARD_START,
  FROM_TUN,
  ICMP_FORWARD,
  ICMP_IN,
  ICMP_START,
  jump,
  LINK_LOCAL,
  LOCAL,
  MARKS,
  MOST_RULES,
  PORTS,
  SERVICES,
  SERVICES_START,
  type SteeringLayout,
  virtualTable,
  wholeTable,
  withPorts,
} from './steering-layout.js';
import type { Traffic } from './traffic.js';

/** The rules for this traffic; no two are equal, and their order does not matter. */
export function steeringRules(traffic: Traffic, layout: SteeringLayout): Rule[] {
  const rules = layout.families.flatMap((family) => [
    ...frame(family, layout),
    ...answerRules(family, traffic, layout),
    ...serviceRules(family, traffic, layout),
    ...icmpRules(family, traffic, layout),
  ]);
  for (const { family, mark } of traffic.marks) {
    if (!layout.families.includes(family)) continue;
    rules.push({ ...base(family, layout, MARKS, { table: layout.markTable(mark) }), fwmark: mark });
  }
  return rules;
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

/** The ports of services. Which addresses have them is in the tables; where the ports are too many for rules, every port is steered. */
function serviceRules(family: Family, traffic: Traffic, layout: SteeringLayout): Rule[] {
  const ports = [...traffic.ports].filter((port) => port.family === family);
  const virtual = (group: number, ipProto: number): Rule => ({
    ...base(family, layout, group, { table: virtualTable(layout.table) }),
    ipProto,
  });
  if (ports.length > MOST_RULES) {
    return [...new Set(ports.map(({ protocol }) => protocol))].map((ipProto) => virtual(SERVICES, ipProto));
  }
  const rules = ports.map(
    ({ protocol, port }): Rule =>
      port === 0
        ? { ...base(family, layout, SERVICES, { table: wholeTable(layout.table) }), ipProto: protocol }
        : { ...virtual(SERVICES, protocol), dport: [port, port] },
  );
  for (const ipProto of withPorts(ports)) {
    rules.push({ ...jump(family, layout, SERVICES + 1, ICMP_START), ipProto, dport: PORTS });
    rules.push(virtual(SERVICES + 2, ipProto));
  }
  return rules;
}

/**
 * Errors about steered traffic come to the virtual addresses (from the network, about answers), to the director's own addresses (about
 * tunnels), and pass by (about packets that were translated or marked). Rules cannot see ICMP types, so all ICMP of that way is steered.
 */
function icmpRules(family: Family, traffic: Traffic, layout: SteeringLayout): Rule[] {
  const ipProto = family === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  const some = (set: Iterable<{ family: Family }>): boolean =>
    Array.from(set).some((item) => item.family === family);
  const rules: Rule[] = [];
  // only for IPv4 does IPVS look into errors about tunnels
  if (family === AF_INET && traffic.tunnels.has(`${AF_INET}`)) {
    rules.push({ ...base(family, layout, ICMP_IN, { table: layout.table }), ipProto });
  } else if (some(traffic.ports)) {
    rules.push({ ...base(family, layout, ICMP_IN, { table: virtualTable(layout.table) }), ipProto });
  }
  if (traffic.marks.size > 0 || traffic.answers.inFewWords(family, MOST_RULES).length > 0) {
    rules.push({ ...base(family, layout, ICMP_FORWARD, { table: layout.table }), ipProto });
  }
  return rules;
}
