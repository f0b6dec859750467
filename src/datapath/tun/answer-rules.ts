/** The rules for what NAT real servers answer. */
import type { Rule } from '../../linux/rt-rule.js';
import { type Family, type InetAddr, inetToString } from '../../wire/inet.js';
import { cover } from './networks.js';
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
import type { Source, Traffic } from './traffic.js';

/**
 * What NAT real servers answer. Where they are many, networks stand for them: what their neighbours send from an equal port
 * is steered as well then, and let pass. Fragments carry no ports: all packets with other ports leave, and what remains are the fragments.
 */
export function answerRules(family: Family, { answers }: Traffic, layout: SteeringLayout): Rule[] {
  const groups = groupAnswers([...answers].filter((answer) => answer.family === family));
  const networks = cover(
    groups.map(({ addresses }) => addresses),
    MOST_RULES,
  );
  const rule = (group: number): Rule => base(family, layout, group, { table: layout.table });
  const rules: Rule[] = [];
  const fragments = new Map<string, Rule>();
  for (const [i, { protocol: ipProto, port }] of groups.entries()) {
    for (const network of networks[i]!) {
      const select = { ipProto, ...(network.length > 0 && { from: network }) };
      rules.push({ ...rule(ANSWERS), ...select, ...(port !== 0 && { sport: [port, port] as const }) });
      if (port !== 0)
        fragments.set(`${ipProto} ${inetToString(network.address)}`, { ...rule(ANSWERS + 2), ...select });
    }
  }
  for (const ipProto of withPorts(groups)) {
    rules.push({ ...jump(family, layout, ANSWERS + 1, SERVICES_START), ipProto, sport: PORTS });
  }
  return [...rules, ...fragments.values()];
}

/** Servers that answer from one port. */
interface AnswerGroup {
  readonly protocol: number;
  readonly port: number;
  readonly addresses: InetAddr[];
}

/** By protocol and port; by protocol alone where there are more ports than rules. */
function groupAnswers(answers: readonly Source[]): AnswerGroup[] {
  const group = (portOf: (answer: Source) => number): AnswerGroup[] => {
    const groups = new Map<number, AnswerGroup>();
    for (const answer of answers) {
      const { protocol, address } = answer;
      const port = portOf(answer);
      const key = (protocol << 16) | port;
      const found = groups.get(key);
      if (found === undefined) groups.set(key, { protocol, port, addresses: [address] });
      else found.addresses.push(address);
    }
    return [...groups.values()];
  };
  const exact = group(({ port }) => port);
  return exact.length <= MOST_RULES ? exact : group(() => 0);
}
