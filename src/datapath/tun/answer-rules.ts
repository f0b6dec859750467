/** The rules for what NAT real servers answer. */
import type { Rule } from '../../linux/rt-rule.js';
import { type Family, inetToString } from '../../wire/inet.js';
import {
  ANSWERS,
  base,
  jump,
  MOST_RULES,
  PORTS,
  SERVICES_START,
  type SteeringLayout,
  withPorts,
} from './steering-layout.js';
import type { Traffic } from './traffic.js';

/**
 * What NAT real servers answer. Where they are many, networks stand for them: what their neighbours send from an equal port
 * is steered as well then, and let pass. Fragments carry no ports: all packets with other ports leave, and what remains are the fragments.
 */
export function answerRules(family: Family, { answers }: Traffic, layout: SteeringLayout): Rule[] {
  const sources = answers.inFewWords(family, MOST_RULES);
  const rules: Rule[] = [];
  const fragments = new Map<string, Rule>();
  for (const { network, protocol: ipProto, port } of sources) {
    const rule = (group: number): Rule => ({
      ...base(family, layout, group, { table: layout.table }),
      ipProto,
      ...(network.length > 0 && { from: network }),
    });
    if (port === 0) {
      rules.push(rule(ANSWERS));
      continue;
    }
    rules.push({ ...rule(ANSWERS), sport: [port, port] });
    fragments.set(`${ipProto} ${inetToString(network.address)}`, rule(ANSWERS + 2));
  }
  for (const ipProto of withPorts(sources)) {
    rules.push({ ...jump(family, layout, ANSWERS + 1, SERVICES_START), ipProto, sport: PORTS });
  }
  return [...rules, ...fragments.values()];
}
